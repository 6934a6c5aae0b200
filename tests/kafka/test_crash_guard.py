"""Messages handled in batches, and one that ends workers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest
from aiokafka import TopicPartition

from fusionlog.errors import BrokerError, RecordError
from fusionlog.kafka.crash_guard import CrashGuard
from fusionlog.kafka.crash_notes import RecordCrash, Suspect
from tests.workers.memory import Message

PLACE = TopicPartition("t", 0)


class Notes:
    """Notes that survive a worker, in memory."""

    def __init__(self) -> None:
        self.kept: dict[TopicPartition, Suspect] = {}
        self.away = False

    async def read(self, places: Iterable[TopicPartition]) -> dict[TopicPartition, Suspect]:
        if self.away:
            raise BrokerError("away")
        return {place: self.kept[place] for place in places if place in self.kept}

    async def write(self, notes: Mapping[TopicPartition, Suspect | None]) -> None:
        if self.away:
            raise BrokerError("away")
        for place, suspect in notes.items():
            self.kept.pop(place, None)
            if suspect is not None:
                self.kept[place] = suspect


class Work:
    """A worker's life: handles messages, and dies of one of them."""

    def __init__(self, notes: Notes, poison: int | None, error: Exception | None = None) -> None:
        self._guard, self._poison = CrashGuard(notes), poison  # type: ignore[arg-type]
        self._guard.assigned([PLACE])
        self._error = error or ZeroDivisionError("x")
        self.batches: list[list[int]] = []
        self.buried: list[tuple[int, RecordError]] = []

    async def live(self, count: int) -> None:
        try:
            await self._guard.handle(
                [Message(b"", topic="t", offset=each) for each in range(count)], self._handle, self._bury
            )
        except RecordCrash as crash:
            await self._guard.crashed(crash)
            raise

    async def _handle(self, messages: list[Message]) -> None:
        offsets = [message.offset for message in messages]
        self.batches.append(offsets)
        if self._poison in offsets:
            raise self._error

    async def _bury(self, message: Message, error: RecordError) -> None:
        self.buried.append((message.offset, error))


async def test_the_third_death_condemns_one_record_and_the_rest_is_handled() -> None:
    notes = Notes()
    for batches in ([[0, 1, 2, 3]], [[0], [1], [2]], [[0, 1], [2]]):
        work = Work(notes, poison=2)
        with pytest.raises(RecordCrash):
            await work.live(4)
        assert work.batches == batches
    assert notes.kept[PLACE] == Suspect(2, 2, 3, "ZeroDivisionError: x")
    work = Work(notes, poison=2)
    await work.live(4)
    assert work.batches == [[0, 1], [3]]
    assert [(offset, error.reason) for offset, error in work.buried] == [(2, "crash-loop")]
    assert notes.kept == {}, "the note is gone with the record"


async def test_a_record_that_is_handled_at_last_is_suspected_no_more() -> None:
    notes = Notes()
    with pytest.raises(RecordCrash):
        await Work(notes, poison=2).live(4)
    work = Work(notes, poison=None)
    await work.live(4)
    assert work.batches == [[0], [1], [2], [3]] and notes.kept == {} and work.buried == []


async def test_a_failure_that_is_no_records_fault_leaves_no_note() -> None:
    notes = Notes()
    for _ in range(4):
        with pytest.raises(OSError):
            await Work(notes, poison=2, error=OSError(28, "full")).live(4)
    assert notes.kept == {}


async def test_without_the_notes_nothing_is_handled_and_a_death_is_a_death() -> None:
    notes = Notes()
    notes.away = True
    work = Work(notes, poison=2)
    with pytest.raises(BrokerError):
        await work.live(4)
    assert work.batches == []
    notes.away = False
    with pytest.raises(RecordCrash):
        await work.live(4)
