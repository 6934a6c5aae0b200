"""Consume anomalies, or incidents, in a program of your own: each once, in order, from where the program stopped.

    from fusionlog.client import Anomalies

    async with Anomalies("pager", least="error") as anomalies:
        async for anomaly in anomalies:
            print(anomaly.severity, anomaly.system, anomaly.title)

`Incidents` is the same for incidents, the anomalies of one cause. Connection and topics are those of the environment
(`FUSIONLOG_KAFKA__BOOTSTRAP_SERVERS` and so on). Needs `fusionlog[client]`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Hashable
from typing import Any, Generic, Self, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition

from fusionlog import settings as environment
from fusionlog.errors import RecordError
from fusionlog.kafka import codecs
from fusionlog.kafka.client import kafka_errors, options
from fusionlog.records import Anomaly, Incident, Record, Severity
from fusionlog.settings import Settings
from fusionlog.topics import CANARY, Topic
from fusionlog.utils.bounded_cache import BoundedCache

log = structlog.get_logger(__name__)

SEVERITIES: tuple[Severity, ...] = ("info", "warning", "error", "critical")
REMEMBERED = 100_000
"""Records of which it is known that they were delivered, by id; the oldest are forgotten."""
READ_AGAIN = 2_000
"""Records of a partition before the commit that are read again at a start, so that no repeat of one is delivered."""
COMMIT_SECONDS = 1.0

R = TypeVar("R", bound=Record)


class _Subscription(Generic[R]):
    """The records of a topic for one group of programs, each when it is new or has changed in what `_state` has.

    :param kind: the type of the records.
    """

    def __init__(self, settings: Settings, topic: Topic, kind: type[R], group: str, least: Severity) -> None:
        self._settings, self._topic, self._kind, self._group = settings, topic, kind, group
        self._least = SEVERITIES.index(least)
        self._delivered: BoundedCache[str, Hashable] = BoundedCache(REMEMBERED)
        self._committed: dict[TopicPartition, int] = {}
        self._done: dict[TopicPartition, int] = {}
        self._consumer: AIOKafkaConsumer | None = None

    async def __aenter__(self) -> Self:
        """Connect and join the group.

        :raises BrokerError: Kafka does not answer, or refuses this client.
        """
        consumer = AIOKafkaConsumer(
            **options(self._settings.kafka), group_id=self._group, enable_auto_commit=False,
            auto_offset_reset="earliest", max_partition_fetch_bytes=self._topic.max_message_bytes,
        )  # fmt: skip
        async with kafka_errors(self._settings.kafka, f"reading {self._topic.name}"):
            try:
                await consumer.start()
                consumer.subscribe([self._topic.name], listener=_Rewind(consumer, self._committed))
            except BaseException:
                await consumer.stop()
                raise
        self._consumer = consumer
        return self

    async def __aexit__(self, *error: object) -> None:
        """Commit what was handled, and leave the group."""
        if self._consumer is not None:
            consumer, self._consumer = self._consumer, None
            try:
                await self._commit(consumer)
            finally:
                await consumer.stop()

    async def __aiter__(self) -> AsyncIterator[R]:
        """Each record. A request for the next one means that the last one is handled.

        :raises BrokerError: Kafka refuses this client, or a topic is missing.
        """
        consumer, committed_at = self._consumer, 0.0
        if consumer is None:
            name = type(self).__name__
            raise RuntimeError(f"open it first: async with {name}(...) as {name.lower()}")
        clock = asyncio.get_running_loop().time
        while True:
            async with kafka_errors(self._settings.kafka, f"reading {self._topic.name}"):
                batches = await consumer.getmany(timeout_ms=500)
            for partition, records in batches.items():
                for record in records:
                    found = self._news(record, record.offset < self._committed.get(partition, 0))
                    if found is not None:
                        yield found
                    self._done[partition] = record.offset + 1
                    if clock() - committed_at > COMMIT_SECONDS:
                        await self._commit(consumer)
                        committed_at = clock()
            if self._done:
                await self._commit(consumer)

    def _news(self, record: ConsumerRecord, known: bool) -> R | None:
        """The record, where it is to be delivered. :param known: it was delivered before this start."""
        if record.value is None:
            return None
        try:
            found = codecs.decode(record.value, self._kind, codecs.place(record.topic, record.partition, record.offset))
        except RecordError as error:
            log.warning("a record is left out", why=str(error))
            return None
        id, state = self._id(found), self._state(found)
        before = self._delivered.get(id)
        if state == before or not self._wanted(found, before is not None):
            return None
        self._delivered.put(id, state)
        return None if known else found

    def _id(self, record: R) -> str:
        raise NotImplementedError

    def _state(self, record: R) -> Hashable:
        """What a record is delivered again for, where it changes."""
        raise NotImplementedError

    def _wanted(self, record: R, known: bool) -> bool:
        """Whether a record is delivered. :param known: one of its id was."""
        raise NotImplementedError

    async def _commit(self, consumer: AIOKafkaConsumer) -> None:
        assigned = consumer.assignment()
        done = {
            place: offset for place, offset in self._done.items()
            if place in assigned and offset > self._committed.get(place, 0)
        }  # fmt: skip
        self._done.clear()
        if done:
            async with kafka_errors(self._settings.kafka, f"committing to {self._topic.name}"):
                await consumer.commit(done)


class Anomalies(_Subscription[Anomaly]):
    """The anomalies of a deployment, for one group of programs; those of one group share the partitions.

    An anomaly is delivered when it is new, and again when its verdict changes: a `provisional` one that became final,
    one that was `withdrawn`. A repeat, which Kafka has after a worker was killed, is left out. What the program has in
    hand when it is killed is delivered again: it was not committed. The canary's anomalies are left out.

    :param group: the name of the group; the consumer group is `<prefix>users.<group>`.
    :param settings: default: those of the environment.
    :param systems: only of these systems; default: all.
    :param least: the least severity that is delivered. Withdrawals are, whatever theirs.
    """

    def __init__(
        self, group: str, settings: Settings | None = None, systems: Collection[str] = (), least: Severity = "info"
    ) -> None:
        config = settings or environment.load()
        super().__init__(config, config.topics.anomalies, Anomaly, config.topics.group(f"users.{group}"), least)
        self._systems = frozenset(systems)

    def _id(self, record: Anomaly) -> str:
        return record.id

    def _state(self, record: Anomaly) -> Hashable:
        return record.provisional, record.withdrawn

    def _wanted(self, record: Anomaly, known: bool) -> bool:
        if record.system == CANARY or (self._systems and record.system not in self._systems):
            return False
        return known or record.withdrawn or SEVERITIES.index(record.severity) >= self._least


class Incidents(_Subscription[Incident]):
    """The incidents of a deployment, for one group of programs, of which one works at a time.

    An incident is delivered when it opens, is resolved, comes back or is withdrawn, when its severity or its systems
    change, and when it is explained; with `updates` also with each anomaly that it counts. At the first start those
    come that the topic has, as they are now; delivery is otherwise that of `Anomalies`.

    :param group: the name of the group; the consumer group is `<prefix>users.<group>.incidents`.
    :param settings: default: those of the environment.
    :param systems: only with one of these systems; default: all.
    :param least: the least severity that is delivered. Withdrawals are, whatever theirs.
    """

    def __init__(
        self, group: str, settings: Settings | None = None, systems: Collection[str] = (), least: Severity = "info",
        updates: bool = False,
    ) -> None:  # fmt: skip
        config = settings or environment.load()
        name = config.topics.group(f"users.{group}.incidents")
        super().__init__(config, config.topics.incidents, Incident, name, least)
        self._systems, self._updates = frozenset(systems), updates

    def _id(self, record: Incident) -> str:
        return record.id

    def _state(self, record: Incident) -> Hashable:
        counted = record.anomalies if self._updates else None
        explained = record.explanation is not None
        return record.status, record.severity, record.reopened, tuple(record.systems), explained, counted

    def _wanted(self, record: Incident, known: bool) -> bool:
        if self._systems and not self._systems & set(record.systems):
            return False
        return known or record.status == "withdrawn" or SEVERITIES.index(record.severity) >= self._least


class _Rewind(ConsumerRebalanceListener):  # type: ignore[misc]
    """Reads a part of each partition before its commit again, when it is assigned."""

    def __init__(self, consumer: AIOKafkaConsumer, committed: dict[TopicPartition, int]) -> None:
        self._consumer, self._committed = consumer, committed

    async def on_partitions_revoked(self, revoked: Any) -> None:
        """Nothing: what was handled is committed by then, or handled again."""

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Seek to `READ_AGAIN` records before the commit."""
        self._committed.clear()
        starts = await self._consumer.beginning_offsets(list(assigned)) if assigned else {}
        for partition, start in starts.items():
            committed = await self._consumer.committed(partition)
            if committed is not None:
                self._committed[partition] = committed
                self._consumer.seek(partition, max(start, committed - READ_AGAIN))
