"""Takeovers of a partition at any moment: every line is in one window of each of its sessions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from fusionlog.parsing.parser import Parser
from fusionlog.parsing.windows import Windower
from fusionlog.records import Window
from fusionlog.settings import IngestSettings, SystemSettings
from fusionlog.workers.ingest.made import Made
from fusionlog.workers.ingest.partition_processor import PartitionProcessor
from fusionlog.workers.ingest.resume_state import CoveredLines, Emitted, OutputOffsets, ResumeState
from tests.workers.memory import Message

LINES = {
    "a": "s=a order accepted", "b": "s=b order refused", "c": "s=c order lost", "ab": "s=a beside s=b",
    "frame": "\tat s.e.Stock.take(Stock.java:46)", "none": "no key here", "dead": "",
}  # fmt: skip
RECORDS = st.lists(
    st.tuples(
        st.lists(st.sampled_from(["a", "a", "b", "c", "ab", "frame", "none", "dead"]), min_size=1, max_size=4),
        st.sampled_from([b"h1", b"h1", b"h2"]),
        st.sampled_from([0.1, 0.1, 1.0, 3.0, 40.0, -5.0]),
    ),
    min_size=1,
    max_size=25,
)
SYSTEMS = {
    "first": {"window": {"by": "session", "idle_seconds": 10, "max_events": 3}},
    "all": {"window": {"by": "session", "idle_seconds": 10, "max_events": 3}, "keys": "all"},
    "inherit": {"window": {"by": "session", "idle_seconds": 10, "max_events": 3}, "inherit": True, "multiline": False},
    "both": {"window": {"by": "session", "idle_seconds": 10, "max_events": 2}, "inherit": True, "keys": "all"},
    "count": {"window": {"by": "count", "size": 3}},
    "overflow": {"window": {"by": "session", "idle_seconds": 10, "max_events": 3}, "keys": "all"},
}


def make_records(drawn: Sequence[tuple[list[str], bytes, float]]) -> list[Message]:
    records, moment = [], 1_700_000_000.0
    for offset, (kinds, key, step) in enumerate(drawn):
        moment += step
        texts = [LINES[kind] for kind in kinds]
        plain = len(texts) == 1 and kinds[0] != "dead"
        value = texts[0].encode() if plain else json.dumps([{"log": text} for text in texts]).encode()
        records.append(Message(value, offset=offset, timestamp=int(1000 * moment), key=key))
    return records


@dataclass
class Worker:
    """One reader of the partition, from an offset on."""

    system: SystemSettings
    start: int
    emitted: list[Window]
    max_open: int = 100
    made: list[Made] = field(default_factory=list)

    def __post_init__(self) -> None:
        own = [msgspec.convert(msgspec.to_builtins(window), Emitted) for window in self.emitted]
        covered = CoveredLines(own, self.system.window.by == "session") if own else None
        self.now = 1_700_000_000.0
        ingest = IngestSettings()
        self.processor = PartitionProcessor(
            "shop", self.system, ingest, Parser("shop", self.system, ingest),
            Windower("shop", self.system.window, "raw", 0, self.max_open), self.start, ResumeState(OutputOffsets()),
            covered,
            clock=lambda: self.now,
        )  # fmt: skip

    def take(self, records: Sequence[Message], batch: int) -> None:
        for first in range(0, len(records), batch):
            self.made += self.processor.take(records[first : first + batch])

    def end(self) -> None:
        self.now = inf
        self.made += self.processor.silent()

    def acknowledge(self, every: int = 1) -> None:
        for made in self.made[::every]:
            self.processor.acknowledged(made)

    @property
    def windows(self) -> list[Window]:
        return [made for made in self.made if isinstance(made, Window)]


def lines_of(worker: Worker) -> list[tuple[str, tuple[int, int]]]:
    """Session and position of every line that is given to the windower."""
    found: list[tuple[str, tuple[int, int]]] = []
    add = worker.processor._windower.add

    def noting(event, position, time, membership=None, decided=False, stated=None, *place):  # type: ignore[no-untyped-def]
        sessions = (event.session, *event.more) if worker.system.window.by == "session" else ("",)
        if not decided:
            found.extend((session or "", position) for session in sessions)
        return add(event, position, time, membership, decided, stated, *place)

    worker.processor._windower.add = noting  # type: ignore[method-assign]
    return found


def positions(window: Window) -> tuple[tuple[int, int], tuple[int, int]]:
    return (window.first_offset, window.first_index), (window.last_offset, window.last_index)


@settings(max_examples=100)
@given(
    RECORDS, st.sampled_from(sorted(SYSTEMS)), st.integers(1, 30), st.integers(1, 30), st.integers(1, 5),
    st.integers(1, 3), st.booleans(),
)  # fmt: skip
def test_a_takeover_at_any_moment_loses_and_repeats_nothing(
    drawn: list[tuple[list[str], bytes, float]], name: str, killed: int, committed: int, batch: int, every: int,
    delivered: bool,
) -> None:  # fmt: skip
    system = SystemSettings.model_validate({"session": r"s=(\w+)", **SYSTEMS[name]})
    records, by_session = make_records(drawn), system.window.by == "session"
    max_open = 1 if name == "overflow" else 100
    reference = Worker(system, 0, [], max_open)
    expected = lines_of(reference)
    reference.take(records, len(records))
    reference.end()

    first = Worker(system, 0, [], max_open)
    first.take(records[:committed], batch)
    first.acknowledge(every)
    position, acknowledged = first.processor.position, first.windows[::1] if delivered else []
    kept = [window for made in first.made[::every] if isinstance(window := made, Window)]
    first.take(records[committed : max(committed, killed)], batch)
    written = first.windows if delivered else kept + [w for w in acknowledged if w not in kept]

    second = Worker(system, position, [window for window in written if window.last_offset >= position], max_open)
    second.take(records[position:], batch)
    second.end()
    windows = {window.id: window for window in [*written, *second.windows]}.values()
    for session, place in expected:
        times = sum(
            (not by_session or window.session == session) and positions(window)[0] <= place <= positions(window)[1]
            for window in windows
        )
        assert times == 1, (session, place)
    assert sum(len(window.sequence) for window in windows) == len(expected)
