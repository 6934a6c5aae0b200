"""Crash notes: the records in hand when a worker died of its own exception, kept in Kafka for its successor.

A record that no code should fail on, and one does, would end every worker that reads it. So a worker that dies by an
exception of its own commits a note under `<group>.crashes`, a consumer group without members: the offset is that of the
first record in hand, the metadata has their number, the number of deaths and the reason. The next worker of the
partition handles the noted records one at a time, which narrows the note to one record, and after the third death
writes that record to the dead-letter topic and goes on.

Kills from outside and failures of Kafka, the disk, the memory or the settings write no note: they are no evidence
against a record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal, Protocol

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaError
from aiokafka.structs import OffsetAndMetadata
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_fixed

from fusionlog.errors import FusionLogError, Reason, RecordError
from fusionlog.kafka import codecs
from fusionlog.kafka.client import admin_client, kafka_errors, options
from fusionlog.settings import KafkaSettings

DEATHS = 3
REASON: Reason = "crash-loop"
ERROR_CHARS = 500
COORDINATOR_SECONDS = 10.0

Unit = Literal["record", "window"]


class Placed(Protocol):
    """The place of a message: topic, partition and offset."""

    topic: str
    partition: int
    offset: int


class Suspect(msgspec.Struct, frozen=True):
    """A range of offsets in a partition, one of which may have crashed workers.

    `unit` is `window` where a window that begins with the record was in hand, not the record itself.
    """

    first: int
    last: int
    deaths: int
    error: str
    unit: Unit = "record"

    @property
    def condemned(self) -> bool:
        """Whether the note names one record, in hand at enough deaths to be given up."""
        return self.first == self.last and self.deaths >= DEATHS

    def holds(self, offset: int) -> bool:
        """Whether the note names this record."""
        return self.first <= offset <= self.last

    def verdict(self) -> RecordError:
        """The reason and detail of the dead letter."""
        held = "with this record in hand" if self.unit == "record" else "with the window in hand that begins here"
        return RecordError(REASON, f"a worker died {self.deaths} times {held}: {self.error}")


_SUSPECT = msgspec.json.Decoder(Suspect)


class RecordCrash(Exception):
    """An exception that no code expected, raised while these records were in hand. Its cause is the exception."""

    def __init__(self, in_hand: Mapping[TopicPartition, tuple[int, int]], unit: Unit = "record") -> None:
        """`in_hand` has the first and last offset of each partition."""
        self.in_hand, self.unit = dict(in_hand), unit
        shown = ", ".join(f"{place.topic}/{place.partition}/{a}-{b}" for place, (a, b) in self.in_hand.items())
        super().__init__(f"failed with {shown} in hand")


def after_death(before: Suspect | None, first: int, last: int, unit: Unit, error: BaseException) -> Suspect:
    """The note after a death with the records `first` to `last` in hand.

    Where the earlier note names some of them too, the culprit is among those that both name.
    """
    words = f"{type(error).__name__}: {error}"[:ERROR_CHARS]
    if before is None or before.unit != unit or before.last < first or last < before.first:
        return Suspect(first, last, 1, words, unit)
    return Suspect(max(first, before.first), min(last, before.last), before.deaths + 1, words, unit)


def culpable(error: BaseException) -> bool:
    """Whether an exception may be a record's fault: not Kafka's, the system's, the memory's or the settings'."""
    if isinstance(error, RecordCrash):
        return False
    if isinstance(error, RecordError):
        return True
    foreign = (FusionLogError, KafkaError, OSError, MemoryError)
    return isinstance(error, Exception) and not isinstance(error, foreign)


def spans(places: Iterable[tuple[str, int, int]]) -> dict[TopicPartition, tuple[int, int]]:
    """The first and last offset by partition of records given as (topic, partition, offset)."""
    found: dict[TopicPartition, tuple[int, int]] = {}
    for topic, partition, offset in places:
        place = TopicPartition(topic, partition)
        first, last = found.get(place, (offset, offset))
        found[place] = min(first, offset), max(last, offset)
    return found


@contextmanager
def in_hand(messages: Sequence[Placed]) -> Iterator[None]:
    """Turn an exception that may be a record's fault into one that names these messages.

    :raises RecordCrash: in its place.
    """
    try:
        yield
    except Exception as error:
        if not culpable(error):
            raise
        raise RecordCrash(spans((each.topic, each.partition, each.offset) for each in messages)) from error


class CrashNotes:
    """The notes of a consumer group."""

    def __init__(self, kafka: KafkaSettings, group: str) -> None:
        self._kafka, self._group = kafka, f"{group}.crashes"

    async def read(self, places: Iterable[TopicPartition]) -> dict[TopicPartition, Suspect]:
        """The notes on these partitions.

        :raises BrokerError: Kafka does not answer.
        """
        async with kafka_errors(self._kafka, "reading the notes of crashes"), admin_client(self._kafka) as admin:
            # A cluster makes the topic of its groups when the first of them asks.
            async for attempt in AsyncRetrying(
                retry=retry_if_exception_type(GroupCoordinatorNotAvailableError),
                stop=stop_after_delay(COORDINATOR_SECONDS), wait=wait_fixed(0.2), reraise=True,
            ):  # fmt: skip
                with attempt:
                    marks = await admin.list_consumer_group_offsets(self._group, partitions=list(places))
        found = {place: _decoded(mark.metadata) for place, mark in marks.items() if mark.offset >= 0}
        return {place: suspect for place, suspect in found.items() if suspect is not None and suspect.deaths > 0}

    async def write(self, notes: Mapping[TopicPartition, Suspect | None]) -> None:
        """Keep a note on each of these partitions; None takes one away.

        :raises BrokerError: Kafka does not answer.
        """
        marks = {place: _mark(suspect) for place, suspect in notes.items()}
        consumer = AIOKafkaConsumer(**options(self._kafka), group_id=self._group, enable_auto_commit=False)
        async with kafka_errors(self._kafka, "writing the notes of crashes"):
            await consumer.start()
            try:
                consumer.assign(list(marks))
                await consumer.commit(marks)
            finally:
                await consumer.stop()


def _mark(suspect: Suspect | None) -> OffsetAndMetadata:
    if suspect is None:
        return OffsetAndMetadata(0, "")
    return OffsetAndMetadata(suspect.first, msgspec.json.encode(suspect).decode())


def _decoded(text: str) -> Suspect | None:
    return codecs.decode_leniently(text, _SUSPECT)
