"""The resume state of a raw partition, carried by commit metadata, so that no line comes into two windows.

An offset is committed as far as every line before it is in an acknowledged window. But sessions interleave: a window
that was acknowledged may have lines on both sides of that offset. Read again from there, its later lines alone would
make a second, different window. So every commit carries, as its metadata, from where on the window topics may hold such
windows. The next reader reads them there first and leaves out the lines that they cover. What was emitted is thereby
the truth about itself; only the rest is cut again.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from fusionlog.errors import BrokerError
from fusionlog.kafka import codecs
from fusionlog.records import KeyedLine, Span
from fusionlog.settings import Settings
from fusionlog.types import Position
from fusionlog.workers.ingest.origins import Origins

if TYPE_CHECKING:  # what cuts a file into windows has no Kafka
    from aiokafka import AIOKafkaConsumer, TopicPartition

Places: TypeAlias = "dict[TopicPartition, int]"
"""Offsets in partitions of the window topics."""

# Kafka's offset.metadata.max.bytes is 4096 unless set. Longer metadata is left out, and a crash may repeat lines.
METADATA_BYTES = 4000
STALL_SECONDS = 30.0


class Metadata(msgspec.Struct, omit_defaults=True):
    """The metadata of a commit: places of windows, by topic and partition; of a raw partition whose lines are keyed,
    its epoch; of a keyed partition, the greatest origins that were taken before the offset."""

    windows: dict[str, dict[int, int]]
    epoch: int = 0
    origins: Origins | None = None


_METADATA = msgspec.json.Decoder(Metadata)


class Emitted(msgspec.Struct):
    """The fields of a `Window` that determine which lines it covers."""

    session: str
    topic: str
    partition: int
    first_offset: int
    last_offset: int
    first_index: int = 0
    last_index: int = 0
    spans: list[Span] = []


@dataclass(frozen=True)
class WrittenWindow:
    """An emitted window and its place in a window topic."""

    window: Emitted
    place: TopicPartition
    offset: int


class OutputOffsets:
    """The earliest possible offset of the next window in every partition of the window topics."""

    def __init__(self) -> None:
        self.next: Places = {}

    def acked(self, place: TopicPartition, offset: int) -> None:
        """Note the place of a window: later sends lie after it, for a producer keeps the order of a partition."""
        self.next[place] = max(self.next.get(place, 0), offset + 1)


class ResumeState:
    """The places of one raw partition's windows that have a line at or after the committed offset.

    Windows of earlier readers are among them: the next one must know them too.
    """

    def __init__(self, outputs: OutputOffsets, before: Iterable[WrittenWindow] = ()) -> None:
        """`before` are the windows of this raw partition that earlier readers emitted."""
        self._outputs = outputs
        self._windows: list[tuple[int, TopicPartition, int]] = []
        for laid in before:
            self.acked(laid.window.last_offset, laid.place, laid.offset)

    def acked(self, last_offset: int, place: TopicPartition, offset: int) -> None:
        """Note that a window whose last line is `last_offset` lies at `offset` of `place`."""
        self._outputs.acked(place, offset)
        self._windows.append((last_offset, place, offset))

    def places(self, position: int) -> Places:
        """The least offset, by partition, of windows with a line at or after `position`. Forgets the others."""
        self._windows = [window for window in self._windows if window[0] >= position]
        places = dict(self._outputs.next)
        for _, place, offset in self._windows:
            places[place] = min(places[place], offset)
        return places


class CoveredLines:
    """The lines of a raw partition that emitted windows cover: intervals of positions by session."""

    def __init__(self, windows: Iterable[Emitted], by_session: bool) -> None:
        self._by_session = by_session
        found: dict[str, set[tuple[Position, Position]]] = {}
        for window in windows:
            first, last = (window.first_offset, window.first_index), (window.last_offset, window.last_index)
            found.setdefault(self._key(window.session), set()).add((first, last))
        self._intervals = {session: sorted(intervals) for session, intervals in found.items()}
        self.last = max((last for intervals in self._intervals.values() for _, last in intervals), default=(-1, 0))
        """The last position that a window covers."""

    def covers(self, session: str | None, position: Position) -> bool:
        """Whether the line of this session at this position is in an emitted window."""
        if position > self.last:
            return False
        intervals = self._intervals.get(self._key(session), [])
        place = bisect_right(intervals, (position, self.last)) - 1
        return place >= 0 and position <= intervals[place][1]

    def _key(self, session: str | None) -> str:
        """The session of a line or window for the look-up; one for all windows by count: they cover all their lines."""
        return session or "" if self._by_session else ""


class CoveredOrigins:
    """The lines of a keyed partition that emitted windows cover: by session and raw partition, the origins between the
    first and the last one that lie between the window's offsets in the keyed partition."""

    def __init__(self, windows: Iterable[Emitted]) -> None:
        self.last = -1
        """The last offset that a window covers."""
        self._found: dict[tuple[str, int], set[tuple[Position, Position, int, int]]] = {}
        for window in windows:
            self.last = max(self.last, window.last_offset)
            for span in window.spans:
                first, last = (span.first_offset, span.first_index), (span.last_offset, span.last_index)
                covered = self._found.setdefault((window.session, span.partition), set())
                covered.add((first, last, window.first_offset, window.last_offset))

    def covers(self, line: KeyedLine, offset: int) -> bool:
        """Whether the line at this offset of the keyed partition is in an emitted window."""
        if offset > self.last:
            return False
        position = line.offset, line.index
        return any(
            first <= position <= last and begin <= offset <= end
            for first, last, begin, end in self._found.get((line.session, line.partition), ())
        )


def to_metadata(places: Places, epoch: int = 0, origins: Origins | None = None) -> str:
    """The metadata of a commit, empty where it would exceed Kafka's limit."""
    topics: dict[str, dict[int, int]] = {}
    for place, offset in places.items():
        topics.setdefault(place.topic, {})[place.partition] = offset
    text = msgspec.json.encode(Metadata(topics, epoch, origins)).decode()
    return text if len(text) <= METADATA_BYTES else ""


def metadata_of(text: str) -> Metadata | None:
    """The metadata that `to_metadata` wrote; None where it is foreign or missing."""
    return codecs.decode_leniently(text, _METADATA)


def from_metadata(text: str) -> Places | None:
    """The places of windows that `to_metadata` wrote; None for foreign or missing metadata."""
    from aiokafka import TopicPartition

    found = metadata_of(text)
    if found is None:
        return None
    return {
        TopicPartition(topic, part): offset for topic, parts in found.windows.items() for part, offset in parts.items()
    }


async def read_emitted(settings: Settings, places: Mapping[TopicPartition, int]) -> list[WrittenWindow]:
    """The windows that lie at or after these places at this moment.

    :raises BrokerError: Kafka does not answer.
    """
    from aiokafka import AIOKafkaConsumer

    from fusionlog.kafka.client import kafka_errors, options

    consumer = AIOKafkaConsumer(**options(settings.kafka), enable_auto_commit=False, auto_offset_reset="earliest")
    found: list[WrittenWindow] = []
    async with kafka_errors(settings.kafka, "reading the windows that were emitted"):
        await consumer.start()
        try:
            consumer.assign(list(places))
            ends = await consumer.end_offsets(list(places))
            for place, offset in places.items():
                consumer.seek(place, min(offset, ends[place]))
            await _read(consumer, ends, found)
        finally:
            await consumer.stop()
    return found


async def _read(consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int], found: list[WrittenWindow]) -> None:
    decoder = msgspec.json.Decoder(Emitted)
    clock = asyncio.get_running_loop().time
    progress = clock()
    while any([await consumer.position(place) < end for place, end in ends.items()]):
        batches = await consumer.getmany(timeout_ms=500)
        for place, batch in batches.items():
            found.extend(WrittenWindow(_decoded(decoder, record.value), place, record.offset) for record in batch)
        progress = clock() if batches else progress
        if clock() - progress > STALL_SECONDS:
            raise BrokerError("Kafka stopped answering while the emitted windows were read")


def _decoded(decoder: msgspec.json.Decoder[Emitted], value: bytes | None) -> Emitted:
    # What is not ours covers nothing of ours.
    nothing = Emitted(session="", topic="", partition=-1, first_offset=0, last_offset=-1)
    return codecs.decode_leniently(value or b"", decoder) or nothing
