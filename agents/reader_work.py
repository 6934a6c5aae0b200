"""The base of the roles that read Kafka by a group consumer of their own: producer, tables, consumer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from fusionlog.kafka.group_consumer import GroupConsumer
from fusionlog.kafka.producer import Producer
from fusionlog.kafka.table_dead_letters import TableDeadLetters
from fusionlog.observability.health import Health
from fusionlog.settings import Settings
from fusionlog.topics import Role
from fusionlog.utils.onnx import check_provider
from fusionlog.workers.knowledge_tables import KnowledgeTables


class ReaderWork:
    """The parts of such a role. `prepare` makes the tables, `read` calls `run` with the consumer."""

    def __init__(self, config: Settings, role: Role) -> None:
        """:raises SettingError: the provider of models is `cuda`, and CUDA cannot be used."""
        check_provider(config.score.provider)
        self._settings, self.health = config, Health(role)
        self._producer = Producer(config, role)
        self._refused = TableDeadLetters(config, self._producer, role)
        self._tables: KnowledgeTables | None = None
        self._reader: GroupConsumer | None = None

    @property
    def background(self) -> Sequence[asyncio.Task[None]]:
        """The tasks of the tables."""
        return () if self._tables is None else self._tables.background

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

    async def finish(self) -> None:
        """Disconnect."""
        await self.leave()
        if self._tables is not None:
            await self._tables.stop()
        await self._producer.stop()
