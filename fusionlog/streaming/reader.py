"""The raw topics, read in partition batches by one member of the ingest group.

aiokafka's `getmany` gives 0.8 million records a second where a Faust stream gives 17 thousand, so raw lines do not go
through one. Offsets are committed here, by the pipeline's word alone.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, ConsumerStoppedError, IllegalStateError, KafkaError
from aiokafka.structs import OffsetAndMetadata

from fusionlog import metrics
from fusionlog.errors import BrokerError
from fusionlog.settings import Settings
from fusionlog.streaming.client import admin_client, kafka_errors, options, partition_counts
from fusionlog.streaming.ingest import Ingest
from fusionlog.streaming.replay import Laid, Places, from_metadata, read_emitted
from fusionlog.topics import Topic

log = structlog.get_logger(__name__)

FETCH_BYTES = 4 * 1024 * 1024


class RawReader(ConsumerRebalanceListener):  # type: ignore[misc]
    """Feeds a pipeline with the raw partitions that the group gives this worker, and commits what it says.

    A lock keeps reading, committing and rebalancing apart. `getmany` is called outside of it: during a rebalance it
    waits for the assignment, and the assignment waits for the lock. It returns no record while a rebalance goes on.
    """

    def __init__(self, settings: Settings, pipeline: Ingest) -> None:
        self._settings, self._pipeline = settings, pipeline
        self._lock = asyncio.Lock()
        self._consumer = AIOKafkaConsumer(**self._options())
        self._failed: Exception | None = None
        self._stopping = False
        self._read: Places = {}
        self._committed_last: dict[TopicPartition, OffsetAndMetadata] = {}

    @property
    def group(self) -> str:
        """The consumer group."""
        return f"{self._settings.topic_prefix}ingest"

    async def start(self) -> None:
        """Connect and subscribe.

        :raises BrokerError: Kafka does not answer.
        """
        async with kafka_errors(self._settings.kafka, "starting the raw reader"):
            await self._consumer.start()
        topics = self._settings.topics
        self._consumer.subscribe([topics.raw(system).name for system in topics.systems], listener=self)

    async def run(self) -> None:
        """Read until cancelled.

        :raises BrokerError: something that was sent was refused, or Kafka is gone for good.
        """
        pause, clock = self._settings.ingest.commit_seconds, asyncio.get_running_loop().time
        commit_at = clock() + pause
        while not self._stopping:
            batches = await self._poll()
            async with self._lock:
                if self._stopping:
                    return
                await self._feed(batches)
                self._regulate()
                if clock() >= commit_at:
                    await self._commit()
                    await self._tell_lag()
                    commit_at = clock() + pause

    async def stop(self) -> None:
        """Wait for acknowledgements, commit, and leave the group. Open windows are read again by the next reader."""
        self._stopping = True
        try:
            async with self._lock:
                await self._leave()
        finally:
            await self._consumer.stop()

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Called by aiokafka before a rebalance: finish what can be finished, then let everything go."""
        async with self._lock:
            await self._leave()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Called by aiokafka after a rebalance. It would swallow an error, so one is kept for `run` to raise."""
        async with self._lock:
            try:
                await self._open([place for place in assigned if not self._pipeline.has(place)])
            except (BrokerError, KafkaError, OSError, TimeoutError) as error:
                self._failed = error

    async def _poll(self) -> dict[TopicPartition, list[Any]]:
        ingest = self._settings.ingest
        async with kafka_errors(self._settings.kafka, "reading raw lines"):
            try:
                batches: dict[TopicPartition, list[Any]] = await self._consumer.getmany(
                    timeout_ms=int(ingest.poll_seconds * 1000), max_records=ingest.poll_records
                )
            except ConsumerStoppedError:
                return {}
        return batches

    async def _feed(self, batches: dict[TopicPartition, list[Any]]) -> None:
        if self._failed is not None:
            raise BrokerError(f"the raw partitions could not be taken over: {self._failed}") from self._failed
        missing = [place for place in batches if not self._pipeline.has(place)]
        if missing:
            await self._open(missing, {place: batches[place][0].offset for place in missing})
        for place, records in batches.items():
            await self._pipeline.take(place, records)
            self._read[place] = records[-1].offset + 1
        await self._pipeline.tick()

    def _regulate(self) -> None:
        """Pause what is read while Kafka is behind with what was sent, and go on when it has half of it.

        The loop goes round meanwhile: commits and rebalances do not wait for a slow broker to acknowledge windows.
        """
        most, unacked = self._settings.ingest.max_unacked, self._pipeline.unacked
        if unacked > most:
            # Again each time: a partition that has just been assigned is not paused.
            self._consumer.pause(*self._consumer.assignment())
        elif unacked <= most // 2 and self._consumer.paused():
            self._consumer.resume(*self._consumer.paused())
        self._tell_paused()

    def _tell_paused(self) -> None:
        paused = Counter(place.topic for place in self._consumer.paused())
        for topic in self._settings.topics.systems:
            metrics.PAUSED.labels(topic).set(paused[self._settings.topics.raw(topic).name])

    async def _leave(self) -> None:
        if not await self._pipeline.settle(self._settings.kafka.rebalance_timeout / 2):
            log.warning("not all windows were acknowledged in time; their lines will be read again")
        await self._commit()
        self._pipeline.close()
        for place in self._read:
            metrics.LAG.remove(*self._labels(place))
        self._read.clear()
        self._committed_last.clear()

    async def _commit(self) -> None:
        offsets = {
            place: OffsetAndMetadata(offset, metadata)
            for place, (offset, metadata) in self._pipeline.positions().items()
        }
        if offsets == self._committed_last:
            return
        try:
            await self._consumer.commit(offsets)
            self._committed_last = offsets
        except (CommitFailedError, IllegalStateError) as error:
            # The group gave the partitions to someone else, who reads on from the last commit.
            log.warning("offsets were not committed", error=str(error))
        except KafkaError as error:
            log.warning("offsets were not committed; the next commit tries again", error=str(error))

    async def _open(self, places: Sequence[TopicPartition], starts: dict[TopicPartition, int] | None = None) -> None:
        """Take partitions over: from where, and what was emitted of them already."""
        if not places:
            return
        committed = await self._committed(places)
        outputs = await self._output_ends()
        emitted = await self._emitted(committed.values(), outputs)
        for place in places:
            known = committed.get(place)
            start = starts[place] if starts else known.offset if known else await self._consumer.position(place)
            self._pipeline.open(place, start, emitted)
            self._read[place] = start
        log.info("partitions taken over", partitions=sorted(f"{place.topic}/{place.partition}" for place in places))
        # From now on every commit has metadata, so that even a first crash repeats nothing.
        await self._commit()

    async def _committed(self, places: Sequence[TopicPartition]) -> dict[TopicPartition, OffsetAndMetadata]:
        async with admin_client(self._settings.kafka) as admin:
            found = await admin.list_consumer_group_offsets(self.group, partitions=list(places))
        return {place: mark for place, mark in found.items() if mark.offset >= 0}

    async def _output_ends(self) -> Places:
        """The ends of the window topics now; remembered as the earliest places of what comes."""
        topics = (self._settings.topics.general, self._settings.topics.proprietary)
        places = [place for topic in topics for place in await self._partitions(topic)]
        ends: Places = await self._consumer.end_offsets(places)
        for place, end in ends.items():
            self._pipeline.outputs.next.setdefault(place, end)
        return ends

    async def _partitions(self, topic: Topic) -> list[TopicPartition]:
        count = (await partition_counts(self._settings.kafka)).get(topic.name, 0)
        return [TopicPartition(topic.name, number) for number in range(count)]

    async def _emitted(self, committed: Iterable[OffsetAndMetadata], ends: Places) -> list[Laid]:
        """The windows that lie where the last readers said that theirs may lie."""
        floors: Places = {}
        for mark in committed:
            for place, offset in (from_metadata(mark.metadata) or {}).items():
                floors[place] = min(offset, floors.get(place, offset))
        behind = {place: offset for place, offset in floors.items() if offset < ends.get(place, 0)}
        return await read_emitted(self._settings, behind) if behind else []

    async def _tell_lag(self) -> None:
        """Tell how many records of each partition are not read yet, by Kafka's word: what is paused is not fetched."""
        try:
            ends: Places = await self._consumer.end_offsets(list(self._read)) if self._read else {}
        except (KafkaError, OSError, TimeoutError) as error:
            log.debug("the lag could not be read", error=str(error))
            return
        for place, position in self._read.items():
            metrics.LAG.labels(*self._labels(place)).set(max(0, ends[place] - position))

    def _labels(self, place: TopicPartition) -> tuple[str, str, str]:
        return self._settings.topics.system_of(place.topic), place.topic, str(place.partition)

    def _options(self) -> dict[str, Any]:
        kafka = self._settings.kafka
        return {
            **options(kafka),
            "group_id": self.group,
            "enable_auto_commit": False,
            "auto_offset_reset": "earliest",
            "session_timeout_ms": int(kafka.session_timeout * 1000),
            "heartbeat_interval_ms": int(kafka.session_timeout * 1000 / 4),
            "rebalance_timeout_ms": int(kafka.rebalance_timeout * 1000),
            "max_partition_fetch_bytes": FETCH_BYTES,
        }
