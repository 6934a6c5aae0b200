"""Keyed sessions give the same events and windows on one partition and on four, with kills and without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from zlib import crc32

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import asdict

from fusionlog.records import Window
from fusionlog.settings import SystemSettings
from tests.workers.ingest.test_takeovers import Worker
from tests.workers.memory import Message

SYSTEM = SystemSettings.model_validate(
    {
        "session": r"order=(\w+)",
        "header": "<Time> <Level> <Content>",
        "time_field": "Time",
        "window": {"by": "session", "idle_seconds": 3600, "max_events": 4},
    }
)
STARTED = 1_700_000_000.0
TEXTS = (
    "order={order} accepted, size={value}",
    "order={order} paid in {value} ms",
    "order={order} shipped, delay={value}.5",
    "order={order} attempt {value} failed after {value}s",
)
LINES = st.lists(
    st.tuples(
        st.sampled_from("abcdefgh"),
        st.sampled_from(TEXTS),
        st.sampled_from([0, 3, 40, 4_000]),
        st.sampled_from([0.5, 2.0, 15.0, 200.0]),
    ),
    min_size=1,
    max_size=40,
)


@dataclass(frozen=True)
class Line:
    """A line as a producer writes it: its key, its text, and the time of the broker, which is another."""

    key: bytes
    text: str
    sent: float


def lines_of(drawn: Sequence[tuple[str, str, int, float]]) -> list[Line]:
    lines, moment = [], STARTED
    for order, text, value, step in drawn:
        moment += step
        stamp = datetime.fromtimestamp(moment, UTC).isoformat()
        lines.append(Line(order.encode(), f"{stamp} INFO {text.format(order=order, value=value)}", moment + 7 * step))
    return lines


def partitioned(lines: Sequence[Line], partitions: int) -> list[list[Message]]:
    """The records of each partition, by the line's key."""
    found: list[list[Message]] = [[] for _ in range(partitions)]
    for line in lines:
        records = found[crc32(line.key) % partitions]
        records.append(Message(line.text.encode(), offset=len(records), key=line.key, timestamp=int(1000 * line.sent)))
    return found


def windows_of(records: Sequence[Message], killed: int) -> list[Window]:
    """The windows of a partition whose worker is killed after so many records; another one goes on."""
    first = Worker(SYSTEM, 0, [])
    first.take(records[:killed], 3)
    first.acknowledge()
    position = first.processor.position
    second = Worker(SYSTEM, position, [window for window in first.windows if window.last_offset >= position])
    second.take(records[position:], 5)
    second.end()
    return [*first.windows, *second.windows]


def contents(windows: Sequence[Window]) -> list[tuple[object, ...]]:
    """What windows hold, but for where they lie in Kafka and what closed them."""
    elsewhere = {"id", "partition", "first_offset", "last_offset", "closed_by"}
    found = [
        tuple((name, str(value)) for name, value in asdict(each).items() if name not in elsewhere) for each in windows
    ]
    return sorted(found)


@settings(max_examples=60)
@given(LINES, st.lists(st.integers(0, 20), min_size=4, max_size=4))
def test_partitions_and_kills_change_no_window(drawn: list[tuple[str, str, int, float]], killed: list[int]) -> None:
    lines = lines_of(drawn)
    [alone] = partitioned(lines, 1)
    apart = partitioned(lines, 4)
    together = [window for each, at in zip(apart, killed, strict=True) for window in windows_of(each, at)]
    assert contents(together) == contents(windows_of(alone, len(alone)))


def test_the_stream_has_durations_and_pauses_in_its_windows() -> None:
    drawn = [("a", TEXTS[0], 3, 0.5), ("a", TEXTS[2], 40, 200.0), ("b", TEXTS[3], 3, 0.5), ("a", TEXTS[1], 3, 0.5)]
    windows = {each.session: each for each in windows_of(partitioned(lines_of(drawn), 1)[0], 2)}
    a, b = windows["a"], windows["b"]
    assert (a.duration and a.duration.seconds, a.pause and a.pause.seconds) == (40.5, 200.0)
    assert (b.duration and b.duration.seconds, b.pause) == (3.0, None)


def test_a_time_of_kafka_alone_makes_no_pause() -> None:
    bare = [replace(line, text=line.text.partition(" ")[2]) for line in lines_of([("a", TEXTS[0], 3, 200.0)] * 3)]
    [window] = windows_of(partitioned(bare, 1)[0], 0)
    assert window.pause is None and window.ended - window.started > 100
