"""A partition handler that processes records in batches and in order, each batch finished before the next."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from fusionlog.errors import RecordError
from fusionlog.kafka.crash_guard import CrashGuard
from fusionlog.kafka.partition_handler import Batches, Confirm
from fusionlog.kafka.takeover import Offsets, Takeover
from fusionlog.observability import metrics

Handle = Callable[[list[Any]], Awaitable[None]]
"""Returns when Kafka has all that follows from the messages."""
Bury = Callable[[Any, RecordError], Awaitable[None]]
"""Returns when the dead-letter topic has the message."""


class BatchHandler:
    """A `PartitionHandler` whose records are finished when `handle` returns.

    :param opened: called with the `confirm` of newly assigned partitions.
    """

    def __init__(self, handle: Handle, bury: Bury, opened: Callable[[Confirm], None] = lambda confirm: None) -> None:
        self._handle, self._bury, self._opened = handle, bury, opened
        self._guard: CrashGuard | None = None
        self._next: Offsets = {}

    async def open(self, takeovers: Mapping[TopicPartition, Takeover], guard: CrashGuard, confirm: Confirm) -> None:
        """Begin newly assigned partitions at their first unhandled record."""
        self._guard = guard
        self._opened(confirm)
        self._next |= {place: takeover.start for place, takeover in takeovers.items()}

    async def take(self, batches: Batches) -> None:
        """Handle a batch of records; those that may have crashed workers one at a time."""
        assert self._guard is not None
        await self._guard.handle(
            [each for records in batches.values() for each in records], self._finish, self._give_up
        )

    async def tick(self) -> None:
        """Do nothing: this handler acts on records alone."""

    def skip_to(self, place: TopicPartition, offset: int) -> None:
        """Move a position past transaction markers."""
        self._next[place] = offset

    def positions(self) -> Mapping[TopicPartition, OffsetAndMetadata]:
        """The offset of the first unhandled record of each partition."""
        return {place: OffsetAndMetadata(offset, "") for place, offset in self._next.items()}

    async def settle(self, seconds: float) -> bool:
        """True at once: a handled record is an acknowledged one."""
        return True

    def close(self) -> None:
        """Forget all partitions."""
        self._next.clear()

    def deleted(self, place: TopicPartition, records: int) -> None:
        """Count records that retention deleted before they were read."""
        metrics.WINDOWS_DELETED.labels(place.topic, str(place.partition)).inc(records)

    @property
    def congested(self) -> bool | None:
        """Never: a batch is finished before the next is read."""
        return None

    def paused(self, places: Iterable[TopicPartition]) -> None:
        """Do nothing: partitions of this handler are never paused."""

    def unread(self, records: Mapping[TopicPartition, int]) -> None:
        """Do nothing: `LagMonitor` measures the group's lag from its commits."""

    async def _finish(self, messages: Sequence[Any]) -> None:
        await self._handle(list(messages))
        for message in messages:
            self._next[TopicPartition(message.topic, message.partition)] = message.offset + 1

    async def _give_up(self, message: Any, error: RecordError) -> None:
        await self._bury(message, error)
        self._next[TopicPartition(message.topic, message.partition)] = message.offset + 1
