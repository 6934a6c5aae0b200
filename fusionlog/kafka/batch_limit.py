"""A limit of what the Kafka client unpacks: it unpacks a compressed batch whole, and 300 kB may become 300 MB.

aiokafka has no setting for it. So its fetcher is given a reader of batches that leaves out one which would exceed the
limit: a consumer goes on behind it, and it is counted and logged with its place.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import unpack_from
from typing import Any

import structlog
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.record.memory_records import MemoryRecords

from fusionlog.kafka.packed_size import exceeds
from fusionlog.observability import metrics

MAX_BATCH_BYTES = 128 * 1024 * 1024
"""Of a batch, unpacked. Logs become ten to thirty times as small: a batch of a megabyte unpacks to a quarter of it."""

_LENGTH, _HEADER, _MAGIC, _ATTRIBUTES, _LAST, _PAYLOAD = 8, 12, 16, 21, 23, 61
"""Places in a batch: its length, what that counts from, its version, attributes, last offset's distance, records."""

log = structlog.get_logger(__name__)


class LeftOut:
    """A batch without its records. :param batch: as the client has it."""

    producer_id: None = None
    is_control_batch = is_transactional = False

    def __init__(self, batch: Any) -> None:
        self.base_offset, self.next_offset = batch.base_offset, batch.next_offset

    def validate_crc(self) -> bool:
        """True: what is not read cannot be wrong."""
        return True

    def __iter__(self) -> Iterator[Any]:
        return iter(())


class LimitedRecords:
    """The batches of a fetched partition, those beyond the limit left out: a `MemoryRecords`."""

    def __init__(self, data: bytes) -> None:
        self._records, self._data, self._at = MemoryRecords(data), memoryview(data), 0
        self.place: TopicPartition | None = None

    def size_in_bytes(self) -> int:
        """The bytes of all batches."""
        size: int = self._records.size_in_bytes()
        return size

    def has_next(self) -> bool:
        """Whether there is another whole batch."""
        found: bool = self._records.has_next()
        return found

    def next_batch(self) -> Any:
        """The next batch."""
        batch, start = self._records.next_batch(), self._at
        self._at += _HEADER + int(unpack_from(">i", self._data, start + _LENGTH)[0])
        data = self._data[start : self._at]
        if data[_MAGIC] < 2 or not exceeds(data[_PAYLOAD:], data[_ATTRIBUTES + 1] & 7, MAX_BATCH_BYTES):
            return batch
        self._log(batch.base_offset, 1 + int(unpack_from(">i", data, _LAST)[0]))
        return LeftOut(batch)

    def _log(self, offset: int, records: int) -> None:
        place = self.place or TopicPartition("", 0)
        metrics.BATCHES_LEFT_OUT.labels(place.topic, str(place.partition)).inc()
        log.error(
            f"a batch of records unpacks to more than {MAX_BATCH_BYTES} bytes: it is left out",
            topic=place.topic, partition=place.partition, offset=offset, records=records,
        )  # fmt: skip


class LimitedPartition(fetcher.PartitionRecords):  # type: ignore[misc]
    """The records of a fetched partition."""

    def __init__(self, place: TopicPartition, records: LimitedRecords, *args: Any) -> None:
        records.place = place
        super().__init__(place, records, *args)


def limit_batches() -> None:
    """Have every consumer of this process leave out what would exceed the limit."""
    fetcher.MemoryRecords, fetcher.PartitionRecords = LimitedRecords, LimitedPartition
