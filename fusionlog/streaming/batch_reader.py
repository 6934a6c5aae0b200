"""A topic read by the batch by a member of a group: what was handled is committed.

For a topic of many records. A Faust agent takes five tasks of the event loop for each of them, which for
`windows.general` was two thirds of a scorer's time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import ConsumerStoppedError, IllegalStateError, KafkaError

from fusionlog.settings import Settings
from fusionlog.streaming.client import kafka_errors, options
from fusionlog.streaming.outlet import Message
from fusionlog.topics import Topic

log = structlog.get_logger(__name__)

Handle = Callable[[list[Message]], Awaitable[None]]
"""Returns when Kafka has all that follows from the messages."""

POLL_SECONDS = 0.2


class BatchReader(ConsumerRebalanceListener):  # type: ignore[misc]
    """Gives `handle` what has come since it returned, at most `size` messages; every message once at least.

    A lock keeps handling, committing and rebalancing apart: a partition leaves when its last batch was handled.
    """

    def __init__(self, settings: Settings, group: str, topic: Topic, size: int, handle: Handle) -> None:
        self._settings, self._topic, self._size, self._handle = settings, topic, size, handle
        self._lock = asyncio.Lock()
        self._consumer = AIOKafkaConsumer(**self._options(group))
        self._handled: dict[TopicPartition, int] = {}
        self._stopping = False

    async def start(self) -> None:
        """Connect and subscribe.

        :raises BrokerError: Kafka does not answer.
        """
        async with kafka_errors(self._settings.kafka, f"starting to read {self._topic.name}"):
            await self._consumer.start()
        self._consumer.subscribe([self._topic.name], listener=self)

    async def run(self) -> None:
        """Read until stopped.

        :raises BrokerError: Kafka is gone for good, or did not take what follows.
        """
        pause, clock = self._settings.ingest.commit_seconds, asyncio.get_running_loop().time
        commit_at = clock() + pause
        while not self._stopping:
            # Outside of the lock: during a rebalance it waits for the assignment, and that waits for the lock.
            batches = await self._poll()
            async with self._lock:
                if self._stopping:
                    return
                await self._take(batches)
                if clock() >= commit_at:
                    await self._commit()
                    commit_at = clock() + pause

    async def stop(self) -> None:
        """Handle what was begun, commit, and leave the group."""
        self._stopping = True
        try:
            async with self._lock:
                await self._commit()
        finally:
            await self._consumer.stop()

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Called by aiokafka before a rebalance: what was handled is committed."""
        async with self._lock:
            await self._commit()
            self._handled.clear()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Called by aiokafka after a rebalance; reading goes on at the group's commits."""

    async def _poll(self) -> dict[TopicPartition, list[Any]]:
        async with kafka_errors(self._settings.kafka, f"reading {self._topic.name}"):
            try:
                batches: dict[TopicPartition, list[Any]] = await self._consumer.getmany(
                    timeout_ms=int(POLL_SECONDS * 1000), max_records=self._size
                )
            except ConsumerStoppedError:
                return {}
        return batches

    async def _take(self, batches: dict[TopicPartition, list[Any]]) -> None:
        """Handle the messages of partitions that are still this worker's."""
        own = {place: records for place, records in batches.items() if place in self._consumer.assignment()}
        if own:
            await self._handle([record for records in own.values() for record in records])
            self._handled |= {place: records[-1].offset + 1 for place, records in own.items()}

    async def _commit(self) -> None:
        if not self._handled:
            return
        try:
            await self._consumer.commit(self._handled)
            self._handled = {}
        except (KafkaError, IllegalStateError) as error:
            # Where the group gave a partition to someone else, they read on from the last commit.
            log.warning("offsets were not committed; the next commit tries again", error=str(error))

    def _options(self, group: str) -> dict[str, Any]:
        kafka = self._settings.kafka
        return {
            **options(kafka),
            "group_id": group,
            "enable_auto_commit": False,
            "auto_offset_reset": "earliest",
            "session_timeout_ms": int(kafka.session_timeout * 1000),
            "heartbeat_interval_ms": int(kafka.session_timeout * 1000 / 4),
            "rebalance_timeout_ms": int(kafka.rebalance_timeout * 1000),
        }
