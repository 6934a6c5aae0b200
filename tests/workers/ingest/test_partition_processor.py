"""A partition's lane: what is remembered of records, and how many it takes at once, changes nothing that comes out."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionlog.errors import RecordError
from fusionlog.parsing.envelopes import read_line
from fusionlog.parsing.parser import Parser
from fusionlog.parsing.windows import Windower
from fusionlog.records import Window
from fusionlog.settings import IngestSettings, SystemSettings, WindowSettings
from fusionlog.workers.ingest.made import DeadLetter
from fusionlog.workers.ingest.partition_processor import PartitionProcessor
from fusionlog.workers.ingest.resume_state import CoveredLines, Emitted, OutputOffsets, ResumeState
from tests.workers.memory import Message

SYSTEM = SystemSettings(session=r"s=(\w+)", window=WindowSettings(by="session", idle_seconds=5, max_events=4))
JSON = SYSTEM.model_copy(update={"json_line": "{key} {msg}"})
TEXTS = [
    "s=k1 disk 12 failed", "s=k2 disk 7 failed", "s=k3 opened", "no key 5",
    "s=k1 \x1b[31mred\x1b[0m 4", "s=k1 a\tb",
]  # fmt: skip
ENDS = ["", "\n", "\r\n", "\n\x1b[0m", "\x00", "\x00" * 30, "\x1b", " ", "\udcff"]
WRAPS = ["plain", "envelope", "nested", "indented", "timed", "object", "brace", "blank"]
LIMITS = IngestSettings(max_line_bytes=64)


def record_of(text: str, end: str, wrap: str) -> bytes:
    line = text + end
    match wrap:
        case "envelope":
            return json.dumps({"log": line}).encode()
        case "nested":
            return json.dumps({"log": json.dumps({"log": line})}).encode()
        case "indented":
            return json.dumps({"log": f" {json.dumps({'log': line})}"}).encode() if end else b' {"log": "s=k1 disk 9"}'
        case "timed":
            return json.dumps({"message": line, "time": 1_700_000_003}).encode()
        case "object":
            return json.dumps({"key": text.split()[0], "n": 4}).encode()
        case "brace":
            return b"{" + line.encode("utf-8", "surrogateescape")
        case "blank":
            return b' {"log": 1}' + line.encode("utf-8", "surrogateescape")
    return line.encode("utf-8", "surrogateescape")


RECORDS = st.lists(
    st.builds(record_of, st.sampled_from(TEXTS), st.sampled_from(ENDS), st.sampled_from(WRAPS))
    | st.sampled_from([b"", b"  ", b"s=k9 " + b"long 1 " * 20]),
    max_size=40,
)  # fmt: skip


def make_lane(system: SystemSettings, *, shapes: bool, covered: CoveredLines | None = None) -> PartitionProcessor:
    parser = Parser("shop", system, LIMITS, shapes=shapes)
    windower = Windower("shop", system.window, "raw.shop", 0)
    return PartitionProcessor(
        "shop",
        system,
        LIMITS,
        parser,
        windower,
        0,
        ResumeState(OutputOffsets()),
        covered,
        clock=lambda: 1_700_000_100.0,
    )


def outcome(processor: PartitionProcessor, values: list[bytes], batch: int) -> list[object]:
    """What a lane makes of records a second apart, then how far it may be committed, and what was still open."""
    records = [Message(value, offset=place, timestamp=1000 * place) for place, value in enumerate(values)]
    made: list[object] = []
    for start in range(0, len(records), batch):
        made += [_plain(each) for each in processor.take(records[start : start + batch])]
    return [*made, processor.position, processor.unacked]


def _plain(made: Window | DeadLetter) -> object:
    return (made.offset, made.value, made.error.reason) if isinstance(made, DeadLetter) else msgspec.to_builtins(made)


@pytest.mark.parametrize("system", [SYSTEM, JSON], ids=["text", "json"])
@given(RECORDS, st.sampled_from([1, 3, 100]))
def test_neither_shapes_nor_batches_change_what_a_lane_makes(
    system: SystemSettings, values: list[bytes], batch: int
) -> None:
    reference = outcome(make_lane(system, shapes=False), values * 3, 1)
    assert outcome(make_lane(system, shapes=True), values * 3, batch) == reference


@given(RECORDS)
def test_what_is_recalled_is_what_reading_and_parsing_come_to(values: list[bytes]) -> None:
    parser = Parser("shop", SYSTEM, LIMITS)
    reference = Parser("shop", SYSTEM, LIMITS, shapes=False)
    for value in values * 3:
        recalled = parser.recall(value)
        try:
            line = read_line(value, LIMITS.message_fields, LIMITS.max_line_bytes).text
        except RecordError:
            assert recalled is None
            continue
        expected = reference.parse(line)
        assert (recalled or parser.parse(line)) == expected


def test_a_record_seen_before_but_for_its_digits_is_recalled() -> None:
    parser = Parser("shop", SYSTEM, LIMITS)
    for number in range(12, 18):
        parser.parse(f"s=k1 disk {number} failed")
    event = parser.recall(b"s=k7 disk 99 failed")
    assert event is not None and (event.session, event.line) == ("k7", "s=k7 disk 99 failed")


def test_covered_lines_are_left_out_of_a_batch_and_move_its_clock() -> None:
    covered = CoveredLines([Emitted(session="k1", topic="t", partition=0, first_offset=1, last_offset=1)], True)
    values = [b"s=k2 a", b"s=k1 a", b"s=k3 a"]
    records = [Message(value, offset=place, timestamp=6000 * place) for place, value in enumerate(values)]
    processor = make_lane(SYSTEM, shapes=True, covered=covered)
    assert processor.take(records) == [] and processor.position == 0
    (window,) = processor.take([Message(b"s=k3 a", offset=place, timestamp=6000 * place) for place in range(3, 8)])
    assert isinstance(window, Window) and window.session == "k2" and processor.position == 0
    assert processor.acknowledged(window) and processor.position == 2


def test_an_envelope_is_opened_though_a_line_of_its_form_is_remembered() -> None:
    parser, record = Parser("shop", SYSTEM, LIMITS), b'{"log": "s=k1 disk 12 failed"}'
    for _ in range(6):
        parser.parse(record.decode())
    assert parser.recall(record) is None and parser.recall(b" " + record) is None


def test_a_window_has_the_hosts_and_files_of_its_envelopes_and_whether_the_times_are_its_own() -> None:
    def record(number: int, **fields: object) -> bytes:
        place = {"host": {"name": f"web-{number % 7}"}, "log": {"file": {"path": f"/var/log/{number % 2}.log"}}}
        return json.dumps({"message": f"s=k1 disk {number} failed", **place, **fields}).encode()

    shipped = [record(number) for number in range(9)]
    stamped = [record(9, **{"@timestamp": "2025-11-27T12:00:00Z"})] * 9
    bare = [b"s=k1 disk 12 failed"] * 10
    window = {"by": "session", "max_events": 9}
    system = SystemSettings.model_validate({"session": r"s=(\w+)", "window": window, "multiline": False})
    ingest = IngestSettings()
    lane = PartitionProcessor(
        "shop", system, ingest, Parser("shop", system, ingest), Windower("shop", system.window, "raw.shop", 0), 0,
        ResumeState(OutputOffsets()),
    )  # fmt: skip
    made = lane.take(
        [
            Message(value, offset=offset, timestamp=1_764_244_800_000)
            for offset, value in enumerate([*shipped, *stamped, *bare])
        ]
    )
    assert [(each.hosts, each.files, each.own_times) for each in made if isinstance(each, Window)] == [
        ([f"web-{number}" for number in range(5)], ["/var/log/0.log", "/var/log/1.log"], False),
        (["web-2"], ["/var/log/1.log"], True),
        ([], [], False),
    ]
