"""A repartitioned system: the sessions of lines that a shipper scatters, and takeovers of both stages."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from math import inf

from hypothesis import given, settings
from hypothesis import strategies as st

from fusionlog.parsing.parser import Parser
from fusionlog.parsing.windows import Windower
from fusionlog.records import Window, window_id
from fusionlog.settings import SystemSettings
from fusionlog.workers.ingest.partition_processor import PartitionProcessor
from fusionlog.workers.ingest.resume_state import OutputOffsets, ResumeState
from tests.workers.ingest.keyed_stages import INGEST, RAW, START, Clock, KeyedTopic, Reader, Writer
from tests.workers.memory import Message

Place = tuple[int, int, int]
"""Raw partition, offset, index."""

TEXTS = {
    "a": "s=a order accepted", "b": "s=b order refused", "c": "s=c order lost after 3.9 s", "ab": "s=a beside s=b",
    "frame": "\tat s.e.Stock.take(Stock.java:46)", "none": "no key here", "dead": "",
}  # fmt: skip
RECORDS = st.lists(
    st.tuples(
        st.lists(st.sampled_from(["a", "a", "b", "c", "ab", "frame", "none", "dead"]), min_size=1, max_size=3),
        st.integers(0, 3),
        st.sampled_from([0.1, 0.1, 1.0, 3.0, 40.0]),
    ),
    min_size=1,
    max_size=30,
)
WINDOW = {"by": "session", "idle_seconds": 10, "max_events": 3}
SYSTEMS = {
    "first": {"window": WINDOW},
    "all": {"window": WINDOW, "keys": "all"},
    "inherit": {"window": WINDOW, "inherit": True, "multiline": False},
    "both": {"window": WINDOW, "inherit": True, "keys": "all"},
}


def make_system(name: str = "first") -> SystemSettings:
    return SystemSettings.model_validate({"session": r"s=(\w+)", "repartition": True, **SYSTEMS[name]})


def make_records(drawn: Sequence[tuple[list[str], int, float]]) -> list[tuple[int, Message]]:
    """Records in the order of their arrival, each with its partition, which is its host's as well."""
    records, moment, counts = [], START, Counter[int]()
    for kinds, partition, step in drawn:
        moment += step
        texts = [TEXTS[kind] for kind in kinds]
        plain = len(texts) == 1 and kinds[0] != "dead"
        value = texts[0].encode() if plain else json.dumps([{"log": text, "time": moment} for text in texts]).encode()
        message = Message(value, offset=counts[partition], timestamp=round(1000 * moment), key=b"h%d" % partition)
        records.append((partition, message))
        counts[partition] += 1
    return records


def own(records: Sequence[tuple[int, Message]], partition: int) -> list[Message]:
    return [message for each, message in records if each == partition]


def on_one_partition(system: SystemSettings, records: Sequence[tuple[int, Message]]) -> list[Window]:
    """The windows of the same lines on one partition."""
    clock = Clock()
    processor = PartitionProcessor(
        "shop", system, INGEST, Parser("shop", system, INGEST), Windower("shop", system.window, RAW, 0), 0,
        ResumeState(OutputOffsets()), clock=clock,
    )  # fmt: skip
    messages = [
        Message(each.value, offset=offset, timestamp=each.timestamp, key=each.key)
        for offset, (_, each) in enumerate(records)
    ]
    made = processor.take(messages)
    clock.now = inf
    return [each for each in [*made, *processor.silent()] if isinstance(each, Window)]


def repartitioned(system: SystemSettings, records: Sequence[tuple[int, Message]], partitions: int = 2) -> list[Window]:
    """The windows of lines that are read one raw partition after the other."""
    topic, parser = KeyedTopic(partitions), Parser("shop", system, INGEST)
    for partition in range(4):
        writer = Writer(system, topic, partition)
        writer.take(own(records, partition))
        writer.silent()
    windows = []
    for partition in range(partitions):
        reader = Reader(system, partition, parser=parser)
        log = topic.log(partition)
        for first in range(0, len(log), 5):
            reader.take(log[first : first + 5])
        reader.end()
        windows += reader.windows
    return windows


def without_places(windows: Sequence[Window]) -> list[tuple[object, ...]]:
    """Windows without their places."""
    return sorted(
        (
            each.session,
            each.started,
            each.ended,
            each.shape,
            repr(each.pause),
            repr(each.duration),
            each.sequence,
            [(event.text, event.example) for event in each.events],
        )
        for each in windows
    )


@settings(max_examples=40, deadline=None)
@given(RECORDS, st.sampled_from(sorted(SYSTEMS)), st.integers(1, 3))
def test_scattered_lines_have_the_sessions_of_the_same_lines_on_one_partition(
    drawn: list[tuple[list[str], int, float]], name: str, partitions: int
) -> None:
    system, records = make_system(name), make_records(drawn)
    assert without_places(repartitioned(system, records, partitions)) == without_places(
        on_one_partition(system, records)
    )


def test_a_session_of_one_raw_partition_has_the_id_that_it_has_without() -> None:
    system = make_system()
    records = make_records([(["a"], 0, 1.0), (["b"], 0, 1.0), (["a"], 0, 1.0)])
    expected = {window.id for window in on_one_partition(system, records)}
    assert {window.id for window in repartitioned(system, records)} == expected


def test_a_window_has_the_places_of_its_lines_in_both_topics() -> None:
    records = make_records([(["a"], 3, 1.0), (["b", "a"], 1, 1.0), (["a"], 3, 1.0)])
    (window,) = [each for each in repartitioned(make_system(), records, 1) if each.session == "a"]
    assert [(span.partition, span.first_offset, span.first_index, span.last_offset) for span in window.spans] == [
        (1, 0, 1, 0), (3, 0, 0, 1),
    ]  # fmt: skip
    assert (window.topic, window.partition) == ("fusionlog.keyed.shop", 0)
    assert (window.first_offset, window.last_offset) == (1, 3), "the lines of partition 1 were sent first"
    assert window.id != window_id(RAW, 1, (0, 1), (1, 0), "a")


def test_hosts_of_other_times_are_put_into_the_order_of_arrival() -> None:
    """Of a replay of hours, one raw partition is read after the other: no session ends by the lines of another one."""
    drawn = [([kind], number % 4, 40.0) for number, kind in enumerate(["a", "b", "c"] * 20)]
    system, records = make_system(), make_records(drawn)
    assert without_places(repartitioned(system, records)) == without_places(on_one_partition(system, records))
    same = [(["a"], number % 4, 4.0) for number in range(60)]
    assert {len(window.sequence) for window in repartitioned(system, make_records(same))} == {3}


def memberships(system: SystemSettings, records: Sequence[tuple[int, Message]]) -> Counter[tuple[str, Place]]:
    """Every line in each of its sessions, as a run without a takeover sends them."""
    topic = KeyedTopic()
    for partition in range(4):
        writer = Writer(system, topic, partition)
        writer.take(own(records, partition))
        writer.silent()
    lines = [json.loads(each.value or b"") for log in topic.logs.values() for each in log]
    return Counter((line["session"], (line["partition"], line["offset"], line["index"])) for line in lines)


def holds(window: Window, session: str, place: Place) -> bool:
    return window.session == session and any(
        span.partition == place[0]
        and (span.first_offset, span.first_index) <= place[1:] <= (span.last_offset, span.last_index)
        for span in window.spans
    )


@settings(max_examples=80, deadline=None)
@given(RECORDS, st.sampled_from(sorted(SYSTEMS)), st.data())
def test_takeovers_of_both_stages_at_any_moment_lose_and_repeat_nothing(
    drawn: list[tuple[list[str], int, float]], name: str, data: st.DataObject
) -> None:
    """Of each raw partition a first writer reads some, loses batches, and dies; what it had in hand comes late, or not
    at all. Of each keyed partition a first reader reads some, and dies behind its commit."""
    system, records = make_system(name), make_records(drawn)
    topic, expected = KeyedTopic(), memberships(system, records)
    written: dict[int, list[Window]] = {0: [], 1: []}
    readers = {partition: Reader(system, partition) for partition in (0, 1)}
    commits = {partition: (0, "") for partition in (0, 1)}
    read = {0: 0, 1: 0}

    def read_some(partition: int) -> None:
        reader, log = readers[partition], topic.log(partition)
        until = data.draw(st.integers(read[partition], len(log)))
        step = data.draw(st.integers(1, 5))
        for first in range(read[partition], until, step):
            reader.take(log[first : min(first + step, until)])
            reader.clock.now += data.draw(st.sampled_from([0.0, 0.5, 3.0]))
        read[partition] = until
        if data.draw(st.booleans()):
            reader.made += reader.processor.silent()
        dies = data.draw(st.booleans())
        written[partition] += reader.acknowledge(data.draw(st.integers(1, 3)) if dies else 1)
        commits[partition] = reader.processor.commit()
        if data.draw(st.booleans()):  # Kafka has the others too, and nobody was left to see it
            written[partition] += [each for each in reader.windows if each not in written[partition]]
        reader.made.clear()
        if dies:
            start = commits[partition][0]
            emitted = [each for each in written[partition] if each.last_offset >= start]
            readers[partition] = Reader(system, partition, commits[partition], emitted)
            read[partition] = start

    for partition in range(4):
        messages = own(records, partition)
        first = Writer(system, topic, partition)
        until = data.draw(st.integers(0, len(messages)))
        for begin in range(0, until, 2):
            lost = data.draw(st.sampled_from([(), (), (True,), (False, True)]))
            first.take(messages[begin : min(begin + 2, until)], lost, unanswered=data.draw(st.booleans()))
        start, metadata = first.processor.commit()
        read_some(0)
        second = Writer(system, topic, partition, (start, metadata), epoch=9)
        half = data.draw(st.integers(start, len(messages)))
        second.take(messages[start:half])
        if half < until:  # the first one was only frozen
            first.take(messages[until : until + 2], (), unanswered=True)
        second.take(messages[half:])
        second.silent()
        read_some(1)
    for partition, reader in readers.items():
        reader.take(topic.log(partition)[read[partition] :])
        reader.end()
        written[partition] += reader.windows
    windows = list({window.id: window for each in written.values() for window in each}.values())
    for session, place in expected:
        assert sum(holds(window, session, place) for window in windows) == 1, (session, place)
    assert sum(len(window.sequence) for window in windows) == sum(expected.values())
