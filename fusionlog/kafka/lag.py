"""The lag of a consumer group, as a metric: the log's end less the group's commit, as Kafka's own tools compute it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from fusionlog.kafka.client import admin_client, options
from fusionlog.kafka.stopping import CLOSE_SECONDS, bounded, cancelled
from fusionlog.observability import metrics
from fusionlog.settings import Settings
from fusionlog.topics import Topic

log = structlog.get_logger(__name__)

EVERY_SECONDS = 2.0
ANSWER_SECONDS = 5.0


def log_deleted(place: TopicPartition, records: int) -> None:
    """Log that retention deleted records of a partition before its consumer group read them."""
    log.error(
        "records were deleted by retention before they were read: they are lost",
        topic=place.topic, partition=place.partition, records=records,
    )  # fmt: skip


class LagMonitor:
    """Sets `fusionlog_lag_records` of every partition of a topic, whichever worker of the group has it.

    It has connections of its own: the lag of a worker that waits for its teacher, and so reads nothing, is current too.
    """

    def __init__(self, settings: Settings, group: str, topic: Topic, *, count_deleted: bool = False) -> None:
        """`count_deleted`: count windows that retention deleted behind the commit, where the consumer cannot."""
        self._settings, self._group, self._topic = settings, group, topic
        self._count_deleted, self._deleted = count_deleted, dict[TopicPartition, int]()
        self._task: asyncio.Task[None] | None = None
        self._shown: set[TopicPartition] = set()

    def start(self) -> None:
        """Start measuring in the background."""
        self._task = asyncio.create_task(self._run(), name=f"lag of {self._group}")

    @property
    def background(self) -> tuple[asyncio.Task[None], ...]:
        """The task that measures."""
        return () if self._task is None else (self._task,)

    async def stop(self) -> None:
        """Stop measuring."""
        await bounded(cancelled(self._task), CLOSE_SECONDS, "the lag")
        self._hide(self._shown)

    async def _run(self) -> None:
        while True:
            try:
                await self._follow()
            except (KafkaError, OSError, TimeoutError) as error:
                log.debug("the lag could not be read", group=self._group, error=str(error))
                self._hide(self._shown)
            await asyncio.sleep(EVERY_SECONDS)

    async def _follow(self) -> None:
        """Set the lag every `EVERY_SECONDS`, until Kafka is away."""
        async with admin_client(self._settings.kafka) as admin, AIOKafkaConsumer(**self._options()) as consumer:
            while True:
                async with asyncio.timeout(ANSWER_SECONDS):
                    await self._measure(admin, consumer)
                await asyncio.sleep(EVERY_SECONDS)

    async def _measure(self, admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer) -> None:
        [found] = await admin.describe_topics([self._topic.name])
        places = [TopicPartition(self._topic.name, each["partition"]) for each in found["partitions"]]
        ends = await consumer.end_offsets(places)
        starts = await consumer.beginning_offsets(places)
        marks = await admin.list_consumer_group_offsets(self._group, partitions=places)
        self._hide(self._shown - ends.keys())
        for place, end in ends.items():
            committed = marks[place].offset if place in marks else -1
            if self._count_deleted and committed >= 0:
                self._missing(place, committed, starts[place])
            lag = end - max(committed, starts[place])
            metrics.LAG.labels("", place.topic, str(place.partition)).set(max(0, lag))
            self._shown.add(place)

    def _hide(self, places: Iterable[TopicPartition]) -> None:
        """Remove the lags that are not known any more: an old figure would look like a present one."""
        for place in set(places):
            metrics.LAG.remove("", place.topic, str(place.partition))
            self._shown.discard(place)

    def _missing(self, place: TopicPartition, committed: int, start: int) -> None:
        """Count the records deleted behind the commit, each once."""
        known = max(committed, self._deleted.get(place, 0))
        if start <= known:
            return
        self._deleted[place] = start
        metrics.WINDOWS_DELETED.labels(place.topic, str(place.partition)).inc(start - known)
        log_deleted(place, start - known)

    def _options(self) -> dict[str, object]:
        return {**options(self._settings.kafka), "enable_auto_commit": False}
