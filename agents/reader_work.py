"""The bases of the roles that read Kafka by a group consumer of their own: producer, consumer; tables."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from fusionlog.kafka.group_consumer import GroupConsumer, Reading
from fusionlog.kafka.lag import LagMonitor
from fusionlog.kafka.partition_handler import PartitionHandler
from fusionlog.kafka.producer import Producer
from fusionlog.kafka.table_dead_letters import TableDeadLetters
from fusionlog.observability.health import Health
from fusionlog.settings import Settings
from fusionlog.topics import Role, Topic
from fusionlog.utils.onnx import check_provider
from fusionlog.workers.knowledge_tables import KnowledgeTables

POLL_SECONDS = 0.5
MAX_RECORDS = 500


class GroupWork:
    """The parts of such a role: `read` of a subclass calls `run` with the consumer."""

    def __init__(self, config: Settings, role: Role) -> None:
        self._settings, self.health = config, Health(role)
        self._producer = Producer(config, role)
        self._refused = TableDeadLetters(config, self._producer, role)
        self._reader: GroupConsumer | None = None

    async def run(self, reader: GroupConsumer) -> None:
        """Read until cancelled."""
        self._reader = reader
        await reader.start()
        await reader.run()

    async def leave(self) -> None:
        """Commit what Kafka has acknowledged; the next worker reads the rest."""
        if self._reader is not None:
            reader, self._reader = self._reader, None
            await reader.stop()


class SingleWork(GroupWork):
    """The parts of a role of which one member has all of a topic, and further ones stand by."""

    def __init__(self, config: Settings, role: Role, topic: Topic) -> None:
        super().__init__(config, role)
        self._topic, self._group = topic, config.topics.group(role)
        self._lag = LagMonitor(config, self._group, topic)

    async def handled_by(self, handler: PartitionHandler) -> None:
        """Read the topic until cancelled."""
        reading = Reading(
            (self._topic.name,), MAX_RECORDS, POLL_SECONDS, self._settings.ingest.commit_seconds, single=True
        )
        await self.run(GroupConsumer(self._settings.kafka, self._group, reading, handler, self.health))


class ReaderWork(GroupWork):
    """The parts of a role that knows labels and releases. `prepare` makes the tables."""

    def __init__(self, config: Settings, role: Role) -> None:
        """:raises SettingError: the provider of models is `cuda`, and CUDA cannot be used."""
        check_provider(config.score.provider)
        super().__init__(config, role)
        self._tables: KnowledgeTables | None = None

    @property
    def background(self) -> Sequence[asyncio.Task[None]]:
        """The tasks of the tables."""
        return () if self._tables is None else self._tables.background

    async def finish(self) -> None:
        """Disconnect."""
        await self.leave()
        if self._tables is not None:
            await self._tables.stop()
        await self._producer.stop()
