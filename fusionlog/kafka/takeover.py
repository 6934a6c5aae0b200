"""The takeover of an assigned partition: the offset at which reading begins, and the records missing before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from fusionlog.kafka.client import admin_client, kafka_errors, options
from fusionlog.kafka.crash_notes import Suspect
from fusionlog.settings import KafkaSettings

Offsets = dict[TopicPartition, int]


@dataclass(frozen=True)
class Extent:
    """The present offsets of a partition's log: from `begin` to before `end`, open transactions included."""

    begin: int
    end: int


@dataclass(frozen=True)
class Takeover:
    """The start of a newly assigned partition.

    :param start: the offset of the first record that nobody has handled, or the first one left.
    :param committed: what the group committed before, None where it did not, or the log is another one by now.
    :param deleted: how many offsets behind the commit retention deleted before they were handled.
    :param replaced: whether the log is another one than the group committed an offset of: the topic was made again.
    :param suspect: the records that may have crashed workers before.
    """

    start: int
    committed: OffsetAndMetadata | None = None
    deleted: int = 0
    replaced: bool = False
    suspect: Suspect | None = None


def takeover(extent: Extent, committed: OffsetAndMetadata | None, suspect: Suspect | None = None) -> Takeover:
    """Begin at the commit; without one, or where its record is gone, at the first record that the log has.

    Never at a consumer's position: that is behind what it has given out and nobody has handled.
    """
    if committed is None:
        return Takeover(extent.begin, suspect=suspect)
    if committed.offset > extent.end:
        return Takeover(extent.begin, replaced=True)
    start = max(committed.offset, extent.begin)
    return Takeover(start, committed, start - committed.offset, suspect=suspect)


async def committed_offsets(
    kafka: KafkaSettings, group: str, places: Sequence[TopicPartition]
) -> dict[TopicPartition, OffsetAndMetadata]:
    """The committed offsets of a group; a partition without a commit is left out.

    :raises BrokerError: Kafka does not answer.
    """
    async with kafka_errors(kafka, f"reading the offsets of group {group}"), admin_client(kafka) as admin:
        found: Mapping[TopicPartition, OffsetAndMetadata] = await admin.list_consumer_group_offsets(
            group, partitions=list(places)
        )
    return {place: mark for place, mark in found.items() if mark.offset >= 0}


async def extents(kafka: KafkaSettings, places: Sequence[TopicPartition]) -> dict[TopicPartition, Extent]:
    """The present extents of the logs of partitions.

    Read by a consumer of its own: one that reads committed records alone does not see behind an open transaction.

    :raises BrokerError: Kafka does not answer.
    """
    async with kafka_errors(kafka, "reading where partitions begin and end"):
        consumer = AIOKafkaConsumer(**options(kafka), enable_auto_commit=False)
        await consumer.start()
        try:
            begins: Offsets = await consumer.beginning_offsets(list(places))
            ends: Offsets = await consumer.end_offsets(list(places))
        finally:
            await consumer.stop()
    return {place: Extent(begins[place], ends[place]) for place in places}
