"""Leadership by a consumer group: who has the one partition of the topic `training` decides, and nobody else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from fusionlog.kafka.crash_guard import CrashGuard
from fusionlog.kafka.partition_handler import Batches, Confirm
from fusionlog.kafka.takeover import Takeover

PARTITION = 0
"""All records lie in one partition, however many the topic has."""


class Leadership:
    """A partition handler whose assignment alone matters: the records are those of a table."""

    def __init__(self) -> None:
        self._positions: dict[TopicPartition, int] = {}
        self.confirm: Confirm | None = None
        """Proves the leadership, to be awaited before each write; None: another worker leads."""
        self.term = 0
        """The number of times that this worker has begun to lead."""

    async def open(self, takeovers: Mapping[TopicPartition, Takeover], guard: CrashGuard, confirm: Confirm) -> None:
        """Lead, where the partition is among them."""
        self._positions |= {place: each.start for place, each in takeovers.items()}
        if any(place.partition == PARTITION for place in takeovers):
            self.confirm, self.term = confirm, self.term + 1

    async def take(self, batches: Batches) -> None:
        """Pass records by."""
        self._positions |= {place: records[-1].offset + 1 for place, records in batches.items()}

    async def tick(self) -> None:
        """Nothing depends on time here."""

    def skip_to(self, place: TopicPartition, offset: int) -> None:
        """Pass transaction markers by."""
        self._positions[place] = offset

    def positions(self) -> Mapping[TopicPartition, OffsetAndMetadata]:
        """The offsets behind what was passed by."""
        return {place: OffsetAndMetadata(offset, "") for place, offset in self._positions.items()}

    async def settle(self, seconds: float) -> bool:
        """Nothing is waited for: each write is acknowledged before the next step."""
        return True

    def close(self) -> None:
        """Lead no more."""
        self._positions.clear()
        self.confirm = None

    def deleted(self, place: TopicPartition, records: int) -> None:
        """Compaction removes records that were passed by, too."""

    @property
    def congested(self) -> bool | None:
        """Reading is never paused."""
        return None

    def paused(self, places: Iterable[TopicPartition]) -> None:
        """Nothing is ever paused."""

    def unread(self, records: Mapping[TopicPartition, int]) -> None:
        """Records that are passed by are no backlog."""
