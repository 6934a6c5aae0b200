"""The interface of what handles the records of a group consumer's partitions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Protocol

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from fusionlog.kafka.crash_guard import CrashGuard
from fusionlog.kafka.takeover import Takeover

Batches = Mapping[TopicPartition, Sequence[ConsumerRecord]]
Confirm = Callable[[], Awaitable[None]]
"""Returns while what was assigned is this member's.

:raises AssignmentLost: it is not.
"""


class PartitionHandler(Protocol):
    """The handling of the records of assigned partitions. A consumer calls its methods one at a time."""

    async def open(self, takeovers: Mapping[TopicPartition, Takeover], guard: CrashGuard, confirm: Confirm) -> None:
        """Open newly assigned partitions.

        :param guard: the notes on records that crashed workers.
        :param confirm: to be awaited before anything is written that follows from their records.
        """

    async def take(self, batches: Batches) -> None:
        """Handle records of open partitions, in order.

        :raises AssignmentLost: from `confirm`.
        :raises RecordCrash: an unexpected exception, with the records in hand.
        """

    async def tick(self) -> None:
        """Do what time demands; called between batches, at least once in `Reading.poll_seconds`."""

    def skip_to(self, place: TopicPartition, offset: int) -> None:
        """Note that no record comes before this offset: transaction markers take offsets too."""

    def positions(self) -> Mapping[TopicPartition, OffsetAndMetadata]:
        """The offsets to commit: the first unfinished record of each open partition."""

    async def settle(self, seconds: float) -> bool:
        """Wait until the writes are acknowledged; return whether they are."""

    def close(self) -> None:
        """Close all partitions; their next member reads the unfinished records again. May be called twice."""

    def deleted(self, place: TopicPartition, records: int) -> None:
        """Count records that retention deleted before they were read."""

    @property
    def congested(self) -> bool | None:
        """Whether reading is to pause; None: no change."""

    def paused(self, places: Iterable[TopicPartition]) -> None:
        """Report the paused partitions."""

    def unread(self, records: Mapping[TopicPartition, int]) -> None:
        """Report the number of unread records of each open partition; of one that is left out it is not known."""
