"""The crash-loop guard: suspect messages are handled one at a time, a condemned one goes to the dead-letter topic."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TypeVar

import structlog
from aiokafka import TopicPartition

from fusionlog.errors import BrokerError, RecordError
from fusionlog.kafka.crash_notes import CrashNotes, Placed, RecordCrash, Suspect, after_death, in_hand

log = structlog.get_logger(__name__)

NOTE_SECONDS = 15.0


M = TypeVar("M", bound=Placed)


class CrashGuard:
    """The crash notes of this worker's partitions, and the handling of messages by them.

    :param notes: the store of the notes.
    """

    def __init__(self, notes: CrashNotes) -> None:
        self._notes = notes
        self._suspects: dict[TopicPartition, Suspect] = {}
        self._unread: set[TopicPartition] = set()

    def assigned(self, places: Iterable[TopicPartition]) -> None:
        """Mark partitions as newly assigned: their notes are read before their first message is handled."""
        self._unread.update(places)

    async def read(self) -> None:
        """Read the notes of newly assigned partitions.

        :raises BrokerError: Kafka does not answer.
        """
        if not self._unread:
            return
        places, self._unread = self._unread, set()
        try:
            found = await self._notes.read(places)
        except BrokerError:
            self._unread |= places
            raise
        self._suspects = {place: each for place, each in self._suspects.items() if place not in places} | found

    def suspect(self, place: TopicPartition) -> Suspect | None:
        """The note of a partition, None where it has none."""
        return self._suspects.get(place)

    def of(self, message: Placed) -> Suspect | None:
        """The note that names this message, None where none does."""
        suspect = self._suspects.get(TopicPartition(message.topic, message.partition))
        return suspect if suspect is not None and suspect.holds(message.offset) else None

    async def handle(
        self,
        messages: Sequence[M],
        handle: Callable[[list[M]], Awaitable[None]],
        bury: Callable[[M, RecordError], Awaitable[None]],
    ) -> None:
        """Handle messages in order, in batches between the suspect ones.

        :raises BrokerError: Kafka does not answer.
        :raises RecordCrash: `handle` raised what may be the fault of a message. Whoever catches it calls `crashed`.
        """
        await self.read()
        for part in self._parts(messages):
            await self._part(part, handle, bury)

    async def passed(self, place: TopicPartition) -> None:
        """Delete the note of a partition whose noted records were handled, or given up."""
        if self._suspects.pop(place, None) is None:
            return
        # A note that stays behind names records that nobody reads again.
        with suppress(BrokerError):
            await self._notes.write({place: None})

    async def crashed(self, crash: RecordCrash) -> None:
        """Write a note on the records in hand; where that fails, they are in the log alone."""
        error = crash.__cause__ or crash
        notes = {
            place: after_death(self._suspects.get(place), first, last, crash.unit, error)
            for place, (first, last) in crash.in_hand.items()
        }
        log.error("this worker dies; the records in hand are noted", error=str(crash), deaths=_deaths(notes.values()))
        try:
            async with asyncio.timeout(NOTE_SECONDS):
                await self._notes.write(notes)
        except (BrokerError, TimeoutError) as failure:
            log.error("the note on the records in hand could not be written", error=str(failure))

    async def _part(
        self,
        part: list[M],
        handle: Callable[[list[M]], Awaitable[None]],
        bury: Callable[[M, RecordError], Awaitable[None]],
    ) -> None:
        suspect = self.of(part[0])
        if suspect is not None and suspect.condemned:
            log.error("a record is given up", topic=part[0].topic, partition=part[0].partition, offset=part[0].offset)
            await bury(part[0], suspect.verdict())
        else:
            with in_hand(part):
                await handle(part)
        if suspect is not None and part[0].offset >= suspect.last:
            await self.passed(TopicPartition(part[0].topic, part[0].partition))

    def _parts(self, messages: Sequence[M]) -> Iterator[list[M]]:
        """The messages in order as batches; a suspect message is a batch of its own."""
        part: list[M] = []
        for message in messages:
            if self.of(message) is None:
                part.append(message)
                continue
            if part:
                yield part
                part = []
            yield [message]
        if part:
            yield part


def _deaths(suspects: Iterable[Suspect]) -> int:
    return max((suspect.deaths for suspect in suspects), default=0)
