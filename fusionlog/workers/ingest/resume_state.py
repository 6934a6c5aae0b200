"""What a partition's next reader must know so that no line comes into two windows.

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
from typing import TypeAlias

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from fusionlog.errors import BrokerError
from fusionlog.kafka.client import kafka_errors, options
from fusionlog.settings import Settings

Places: TypeAlias = dict[TopicPartition, int]
"""Offsets in partitions of the window topics."""

# Kafka's offset.metadata.max.bytes is 4096 unless set. Longer metadata is left out, and a crash may repeat lines.
METADATA_BYTES = 4000
STALL_SECONDS = 30.0


class Emitted(msgspec.Struct):
    """As much of a `Window` as tells which lines it covers."""

    session: str
    topic: str
    partition: int
    first_offset: int
    last_offset: int


@dataclass(frozen=True)
class WrittenWindow:
    """A window that was emitted, and where it lies."""

    window: Emitted
    place: TopicPartition
    offset: int


class OutputOffsets:
    """Where the next window will come to lie, at the earliest, in every partition of the window topics."""

    def __init__(self) -> None:
        self.next: Places = {}

    def acked(self, place: TopicPartition, offset: int) -> None:
        """A window lies there: what is sent later comes after it, for a producer keeps the order of a partition."""
        self.next[place] = max(self.next.get(place, 0), offset + 1)


class ResumeState:
    """Of one raw partition: where the windows lie that have a line at or after the committed offset.

    Those that an earlier reader emitted are among them: the next one must know them too.
    """

    def __init__(self, outputs: OutputOffsets, before: Iterable[WrittenWindow] = ()) -> None:
        """`before` are the windows of this raw partition that earlier readers emitted."""
        self._outputs = outputs
        self._windows: list[tuple[int, TopicPartition, int]] = []
        for laid in before:
            self.acked(laid.window.last_offset, laid.place, laid.offset)

    def acked(self, last_offset: int, place: TopicPartition, offset: int) -> None:
        """A window whose last line is `last_offset` lies at `offset` of `place`."""
        self._outputs.acked(place, offset)
        self._windows.append((last_offset, place, offset))

    def places(self, position: int) -> Places:
        """From where on every window with a line at or after `position` lies. Forgets the others."""
        self._windows = [window for window in self._windows if window[0] >= position]
        places = dict(self._outputs.next)
        for _, place, offset in self._windows:
            places[place] = min(places[place], offset)
        return places


class CoveredLines:
    """Which lines of a raw partition are in windows already: intervals of offsets by session."""

    def __init__(self, windows: Iterable[Emitted], by_session: bool) -> None:
        self._by_session = by_session
        found: dict[str, set[tuple[int, int]]] = {}
        for window in windows:
            found.setdefault(self._key(window.session), set()).add((window.first_offset, window.last_offset))
        self._intervals = {session: sorted(intervals) for session, intervals in found.items()}
        self.end = 1 + max((last for intervals in self._intervals.values() for _, last in intervals), default=-1)

    def covers(self, session: str | None, offset: int) -> bool:
        """Whether the line of this session at this offset is in a window already."""
        if offset >= self.end:
            return False
        intervals = self._intervals.get(self._key(session), [])
        place = bisect_right(intervals, (offset, self.end)) - 1
        return place >= 0 and offset <= intervals[place][1]

    def _key(self, session: str | None) -> str:
        """Windows by count cover every line between their ends, whatever they are called."""
        return session or "" if self._by_session else ""


def to_metadata(places: Places) -> str:
    """Places as a commit's metadata; empty when it would not fit."""
    topics: dict[str, dict[str, int]] = {}
    for place, offset in places.items():
        topics.setdefault(place.topic, {})[str(place.partition)] = offset
    text = msgspec.json.encode({"windows": topics}).decode()
    return text if len(text) <= METADATA_BYTES else ""


def from_metadata(text: str) -> Places | None:
    """What `to_metadata` wrote; None for the metadata of someone else, or none."""
    try:
        topics = msgspec.json.decode(text, type=dict[str, dict[str, dict[int, int]]])["windows"]
    except (msgspec.DecodeError, msgspec.ValidationError, KeyError):
        return None
    return {TopicPartition(topic, part): offset for topic, parts in topics.items() for part, offset in parts.items()}


async def read_emitted(settings: Settings, places: Mapping[TopicPartition, int]) -> list[WrittenWindow]:
    """The windows that lie at or after these places now.

    :raises BrokerError: Kafka does not answer.
    """
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
    try:
        return decoder.decode(value or b"")
    except msgspec.DecodeError:
        # Not ours, so it covers nothing of ours.
        return Emitted(session="", topic="", partition=-1, first_offset=0, last_offset=-1)
