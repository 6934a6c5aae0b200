"""The first stage of a repartitioned system: what a line's record holds, and what may be committed."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from fusionlog.parsing.parser import Parser
from fusionlog.records import KeyedLine, Window
from fusionlog.settings import SystemSettings
from fusionlog.topics import Topics
from fusionlog.workers.ingest.keying import LineKeyer, partition_of
from fusionlog.workers.ingest.made import DeadLetter, KeyedLines, Made
from fusionlog.workers.ingest.resume_state import metadata_of
from tests.factories import make_window
from tests.workers.ingest.keyed_stages import INGEST, KEYED, START, KeyedTopic, Reader, Writer
from tests.workers.memory import Message

BASE: dict[str, Any] = {"session": r"s=(\w+)", "window": {"by": "session"}, "repartition": True, "multiline": False}


def make_system(**settings: Any) -> SystemSettings:
    return SystemSettings.model_validate({**BASE, **settings})


def record(value: str | bytes, offset: int = 0, key: bytes | None = None) -> Message:
    content = value if isinstance(value, bytes) else value.encode()
    return Message(content, offset=offset, timestamp=int(1000 * START) + offset, key=key)


def lines_of(made: list[Made]) -> list[KeyedLine]:
    keyed = [each for each in made if isinstance(each, KeyedLines)]
    found = [value for each in keyed for records in each.records.values() for _, value in records]
    return sorted(
        (msgspec.json.decode(value, type=KeyedLine) for value in found),
        key=lambda line: (line.offset, line.index, line.member),
    )


def keyed(system: SystemSettings, *records: Message) -> list[KeyedLine]:
    return lines_of(Writer(system, KeyedTopic(), 3).processor.take(records))


def test_a_record_has_the_line_its_session_and_its_place() -> None:
    (line,) = keyed(make_system(), record("s=a disk failed", 7))
    assert (line.session, line.text, line.time, line.arrived) == ("a", "s=a disk failed", START + 0.007, START + 0.007)
    assert (line.topic, line.partition, line.offset, line.index, line.member, line.epoch) == ("raw", 3, 7, 0, 0, 1)
    assert not line.stated, "the time is Kafka's"


def test_a_window_of_keyed_lines_has_the_host_and_the_file_of_their_envelopes() -> None:
    system, topic = make_system(window={"by": "session", "max_events": 2}), KeyedTopic(1)
    envelope = b'{"message": "s=a disk failed", "host": "web-1", "log.file.path": "/var/log/a.log"}'
    Writer(system, topic, 3).take([record(envelope, 7), record("s=a disk failed", 8)])
    reader = Reader(system, 0)
    reader.take(topic.log(0))
    reader.end()
    (window,) = [each for each in reader.made if isinstance(each, Window)]
    assert (window.hosts, window.files, window.own_times) == (["web-1"], ["/var/log/a.log"], False)


def test_a_line_is_keyed_by_each_of_its_sessions() -> None:
    found = keyed(make_system(keys="all"), record("s=a beside s=b and s=c"))
    assert [(line.session, line.member) for line in found] == [("a", 0), ("b", 1), ("c", 2)]


def test_pieces_of_a_line_are_joined_and_its_time_is_read_before() -> None:
    system = make_system(multiline="auto", format="python", session=r"s=(\w+)")
    writer = Writer(system, KeyedTopic(), 0)
    made = writer.processor.take([
        record("2023-11-14 22:13:20,500 ERROR shop: s=a failed", 0), record("  File x.py, line 3", 1),
        record("2023-11-14 22:13:21,500 INFO shop: s=b done", 2),
    ])  # fmt: skip
    (line,) = lines_of(made)
    assert line.text.count("\n") == 1 and line.time == START + 0.5 and line.stated and line.arrived == START
    assert writer.processor.position == 0, "the last line may go on"


@pytest.mark.parametrize(
    ("settings", "value", "fields"),
    [
        ({}, {"log": "s=a failed", "kubernetes": {"pod_name": "p"}}, {}),
        ({"session_field": "kubernetes.pod_name", "session": None},
         {"log": "p failed", "kubernetes": {"pod_name": "p"}}, {"kubernetes.pod_name": "p"}),
    ],
)  # fmt: skip
def test_of_an_envelope_it_has_what_the_event_depends_on(
    settings: dict[str, Any], value: dict[str, Any], fields: dict[str, Any]
) -> None:
    system = make_system(**settings)
    (line,) = keyed(system, record(json.dumps(value)))
    assert line.fields == fields
    parser, envelope = Parser("shop", system, INGEST), {name: each for name, each in value.items() if name != "log"}
    expected = Parser("shop", system, INGEST).parse(value["log"], envelope)
    assert parser.parse_text(line.text, line.fields) == expected and expected.session == line.session


@pytest.mark.parametrize(
    ("settings", "value"),
    [
        ({"json_line": "{level} {id} {msg}", "session": r"^\S+ (\S+)"},
         {"level": "warn", "id": "k7", "msg": "k7 lost"}),
        ({"format": "json", "session_field": "id", "session": None}, {"level": "warn", "id": "k7", "msg": "k7 lost"}),
        ({"format": "ecs", "session_field": "trace.id", "session": None},
         {"log.level": "warn", "trace.id": "k7", "message": "k7 lost", "log.logger": "shop"}),
    ],
)  # fmt: skip
def test_a_json_line_has_the_event_that_it_has_without(settings: dict[str, Any], value: dict[str, Any]) -> None:
    system = make_system(**settings)
    reader, topic = Reader(system, 0), KeyedTopic(1)
    Writer(system, topic, 0).take([record(json.dumps(value))])
    reader.take(topic.log(0))
    reader.end()
    (window,) = reader.windows
    assert window.session == "k7" and "k7" not in window.events[0].text and "lost" in window.events[0].text


def test_lines_without_a_key_or_content_end_here() -> None:
    writer = Writer(make_system(), KeyedTopic(), 0)
    writer.take([record("no key"), record(b"\x00\x01\x02", 1), record(b"", 2)])
    assert [letter.error.reason for letter in writer.dead] == ["not-text", "empty"]
    assert writer.topic.logs == {} and writer.processor.position == 3 and writer.processor.tally.lines_open == 0


def test_what_kafka_has_not_acknowledged_holds_the_commit_back() -> None:
    writer = Writer(make_system(), KeyedTopic(), 0)
    first = writer.processor.take([record("s=a x", 0), record("s=b x", 1)])
    second = writer.processor.take([record("s=c x", 2)])
    assert (writer.processor.position, writer.processor.tally.lines_open) == (0, 3)
    assert writer.processor.unacked > 2
    writer.processor.acknowledged(second[0])
    assert writer.processor.position == 0
    writer.processor.acknowledged(first[0])
    assert (writer.processor.position, writer.processor.unacked, writer.processor.tally.lines_open) == (3, 0, 0)


def test_a_line_that_gave_its_key_holds_the_commit_back() -> None:
    writer = Writer(make_system(inherit=True), KeyedTopic(), 0)
    writer.take([record("s=a x", 4, b"h"), record("no key", 5, b"h")])
    sessions = [json.loads(each.value or b"")["session"] for log in writer.topic.logs.values() for each in log]
    assert sessions == ["a", "a"] and writer.processor.position == 4


def test_a_line_names_its_predecessor_until_kafka_has_that() -> None:
    writer = Writer(make_system(), KeyedTopic(1), 0)
    (first,) = writer.processor.take([record("s=a x", 0), record("s=a x", 1)])
    assert [line.after for line in lines_of([first])] == [None, (0, 0, 0)]
    (second,) = writer.processor.take([record("s=a x", 2)])
    assert [line.after for line in lines_of([second])] == [(1, 0, 0)]
    writer.processor.acknowledged(first)
    writer.processor.acknowledged(second)
    assert [line.after for line in lines_of(writer.processor.take([record("s=a x", 3)]))] == [None]


def test_the_commit_keeps_the_epoch() -> None:
    writer = Writer(make_system(), KeyedTopic(), 0, epoch=17)
    offset, text = writer.processor.commit()
    metadata = metadata_of(text)
    assert offset == 0 and metadata is not None and metadata.epoch == 17
    again = Writer(make_system(), KeyedTopic(), 0, (offset, text), epoch=99)
    assert [line.epoch for line in lines_of(again.processor.take([record("s=a x")]))] == [17]


def test_a_line_that_no_record_can_hold_is_a_dead_letter() -> None:
    keyer = LineKeyer(replace_limit(17_000), 1, "raw", 0, 1)
    writer = Writer(make_system(), KeyedTopic(), 0)
    writer.processor._windower = writer.processor._keyer = keyer
    made = writer.processor.take([record("s=a " + "x" * 1000), record("s=a x", 1)])
    assert [each.error.reason for each in made if isinstance(each, DeadLetter)] == ["too-long"]
    assert [line.offset for line in lines_of(made)] == [1] and writer.processor.tally.memberships_open == 1


def replace_limit(size: int) -> Any:
    return dataclasses.replace(Topics().keyed("shop"), max_message_bytes=size)


def test_a_session_has_one_partition_on_every_worker() -> None:
    assert [partition_of(session, 4) for session in ("a", "blk_123", "订单", "")] == [3, 3, 3, 0]
    assert {partition_of(f"k{number}", 4) for number in range(40)} == {0, 1, 2, 3}


def test_lines_of_windows_from_before_it_was_repartitioned_are_left_out() -> None:
    old = replace(make_window("x", session="a"), topic="raw", partition=0, first_offset=0, last_offset=2)
    writer = Writer(make_system(), KeyedTopic(1), 0, emitted=[old])
    made = writer.processor.take([record("s=a x", 0), record("s=b x", 1), record("s=a x", 2), record("s=a x", 3)])
    assert [(line.session, line.offset) for line in lines_of(made)] == [("b", 1), ("a", 3)]
    assert KEYED.name == "fusionlog.keyed.shop"
