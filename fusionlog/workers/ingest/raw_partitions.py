"""The partition handler of the ingest role: takeovers with their emitted windows, and an ingest pipeline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from fusionlog.kafka.client import kafka_errors, options, partition_counts
from fusionlog.kafka.crash_guard import CrashGuard
from fusionlog.kafka.group_consumer import GroupConsumer, Reading
from fusionlog.kafka.partition_handler import Batches, Confirm
from fusionlog.kafka.takeover import Takeover
from fusionlog.observability import metrics
from fusionlog.observability.health import Health
from fusionlog.settings import Settings
from fusionlog.topics import Topic, Topics
from fusionlog.workers.ingest.pipeline import IngestPipeline
from fusionlog.workers.ingest.resume_state import Places, WrittenWindow, from_metadata, read_emitted

log = structlog.get_logger(__name__)

FETCH_BYTES = 4 * 1024 * 1024
KEYED_FETCH_BYTES = 512 * 1024
"""Raw partitions of a repartitioned system are read in turn, so much of each: their lines are merged within seconds."""


def raw_consumer(settings: Settings, pipeline: IngestPipeline, health: Health | None = None) -> GroupConsumer:
    """The member of the ingest group that feeds this pipeline with raw partitions."""
    ingest, topics = settings.ingest, settings.topics
    reading = Reading(
        topics=tuple(topic.name for topic in _read_in_group(topics)),
        max_records=ingest.poll_records,
        poll_seconds=ingest.poll_seconds,
        commit_seconds=ingest.commit_seconds,
        max_partition_bytes=KEYED_FETCH_BYTES if topics.repartitioned else FETCH_BYTES,
        isolation_level=ingest.isolation_level,
    )
    handler = RawPartitions(settings, pipeline)
    return GroupConsumer(settings.kafka, f"{settings.topic_prefix}ingest", reading, handler, health)


class RawPartitions:
    """A `PartitionHandler` that feeds an ingest pipeline."""

    def __init__(self, settings: Settings, pipeline: IngestPipeline) -> None:
        self._settings, self._pipeline = settings, pipeline
        self._shown: set[TopicPartition] = set()

    async def open(self, takeovers: Mapping[TopicPartition, Takeover], guard: CrashGuard, confirm: Confirm) -> None:
        """Open partitions, given the windows of them that earlier readers emitted."""
        self._pipeline.confirm, self._pipeline.passed = confirm, guard.passed
        if self._settings.topics.repartitioned:
            self._pipeline.partitions = await partition_counts(self._settings.kafka)
        ends = await self._output_ends()
        emitted = await self._emitted([each.committed for each in takeovers.values() if each.committed], ends)
        for place, each in takeovers.items():
            metadata = each.committed.metadata if each.committed else ""
            self._pipeline.open(place, each.start, [] if each.replaced else emitted, each.suspect, metadata)

    async def take(self, batches: Batches) -> None:
        """Parse, cut and send."""
        for place, records in batches.items():
            await self._pipeline.take(place, records)

    async def tick(self) -> None:
        """Close the windows of silent partitions."""
        await self._pipeline.tick()

    def skip_to(self, place: TopicPartition, offset: int) -> None:
        """Move a position past transaction markers."""
        self._pipeline.skip_to(place, offset)

    def positions(self) -> Mapping[TopicPartition, OffsetAndMetadata]:
        """The offset of each partition's first line outside acknowledged windows, with the resume state as metadata."""
        return {
            place: OffsetAndMetadata(offset, metadata)
            for place, (offset, metadata) in self._pipeline.positions().items()
        }

    async def settle(self, seconds: float) -> bool:
        """Wait for acknowledgements."""
        return await self._pipeline.settle(seconds)

    def close(self) -> None:
        """Close all partitions."""
        self._pipeline.close()
        self.unread({})

    def deleted(self, place: TopicPartition, records: int) -> None:
        """Count lines that retention deleted before they were read, among the lines in as well."""
        topics = self._settings.topics
        system, input = topics.system_of(place.topic), "keyed" if topics.is_keyed(place.topic) else "raw"
        metrics.RECORDS.labels(system, input).inc(records)
        metrics.RECORDS_DELETED.labels(system, input).inc(records)
        metrics.LINES.labels(system, input).inc(records)
        metrics.LINES_DELETED.labels(system, place.topic, str(place.partition)).inc(records)
        self._pipeline.deleted(place)

    @property
    def congested(self) -> bool | None:
        """Whether too many sends are unacknowledged; reading resumes when half of them are."""
        most, unacked = self._settings.ingest.max_unacked, self._pipeline.unacked
        if unacked > most:
            return True
        return False if unacked <= most // 2 else None

    def paused(self, places: Iterable[TopicPartition]) -> None:
        """Set the number of paused partitions of each system."""
        topics = self._settings.topics
        paused = Counter(topics.system_of(place.topic) for place in places)
        for system in topics.systems:
            metrics.PAUSED.labels(system).set(paused[system])

    def unread(self, records: Mapping[TopicPartition, int]) -> None:
        """Set the lag of each partition; one that is not known has no series."""
        for place in self._shown - records.keys():
            metrics.LAG.remove(*self._labels(place))
        self._shown &= records.keys()
        for place, count in records.items():
            metrics.LAG.labels(*self._labels(place)).set(count)
            self._shown.add(place)

    def _labels(self, place: TopicPartition) -> tuple[str, str, str]:
        return self._settings.topics.system_of(place.topic), place.topic, str(place.partition)

    async def _output_ends(self) -> Places:
        """The present ends of the window topics, kept as the earliest places of later windows."""
        topics, kafka = (self._settings.topics.general, self._settings.topics.proprietary), self._settings.kafka
        counts = await partition_counts(kafka)
        places = [place for topic in topics for place in _partitions(topic, counts)]
        async with (
            kafka_errors(kafka, "reading where the windows topics end"),
            AIOKafkaConsumer(**options(kafka), enable_auto_commit=False) as consumer,
        ):
            ends: Places = await consumer.end_offsets(places)
        for place, end in ends.items():
            self._pipeline.outputs.next.setdefault(place, end)
        return ends

    async def _emitted(self, committed: Iterable[OffsetAndMetadata], ends: Places) -> list[WrittenWindow]:
        """The windows at the places that the last readers' commits name."""
        floors: Places = {}
        for mark in committed:
            for place, offset in (from_metadata(mark.metadata) or {}).items():
                floors[place] = min(offset, floors.get(place, offset))
        behind = {place: offset for place, offset in floors.items() if offset < ends.get(place, 0)}
        return await read_emitted(self._settings, behind) if behind else []


def _read_in_group(topics: Topics) -> list[Topic]:
    """The topics whose partitions the members of the ingest group share."""
    raw = [topics.raw(system) for system in topics.systems]
    return [*raw, *(topics.keyed(system) for system in topics.repartitioned)]


def _partitions(topic: Topic, counts: Mapping[str, int]) -> list[TopicPartition]:
    return [TopicPartition(topic.name, number) for number in range(counts.get(topic.name, 0))]
