"""The ingest worker: raw lines to routed windows. `fusionlog worker ingest`, or `faust -A agents.ingest worker`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from agents.app import ReaderApp, of_environment
from fusionlog.errors import SettingError
from fusionlog.kafka.group_consumer import GroupConsumer
from fusionlog.kafka.producer import Producer
from fusionlog.kafka.table import read_all
from fusionlog.kafka.table_dead_letters import TableDeadLetters
from fusionlog.parsing.parser import Parser
from fusionlog.records import Window
from fusionlog.settings import Settings
from fusionlog.topics import Role
from fusionlog.workers.ingest.pipeline import IngestPipeline
from fusionlog.workers.ingest.raw_partitions import raw_consumer
from fusionlog.workers.knowledge_tables import KnowledgeTables

ROLE: Role = "ingest"


class IngestWork:
    """The parts of an ingest worker: producer, tables of models and labels, and the consumer of the raw topics."""

    def __init__(self, config: Settings) -> None:
        self._settings = config
        self._producer = Producer(config, ROLE)
        self._tables: KnowledgeTables | None = None
        self._refused = TableDeadLetters(config, self._producer, ROLE)
        self._reader: GroupConsumer | None = None

    async def prepare(self) -> None:
        """Connect, load the encoder, and start the tables of models and labels."""
        await self._producer.start()
        self._tables = await KnowledgeTables.with_encoder(self._settings, self._refused)
        await self._tables.start()

    @property
    def background(self) -> Sequence[asyncio.Task[None]]:
        """The tasks of the tables."""
        return () if self._tables is None else self._tables.background

    async def read(self) -> None:
        """Wait for a model, then read raw lines until cancelled."""
        assert self._tables is not None
        await self._tables.until_ready()
        known = await read_all(self._settings, self._settings.topics.templates, refused=self._refused)
        templates = [record for _, record in known]
        pipeline = IngestPipeline(self._settings, self._producer, self._route, templates)
        self._reader = raw_consumer(self._settings, pipeline)
        await self._reader.start()
        await self._reader.run()

    async def leave(self) -> None:
        """Commit the windows that Kafka has acknowledged; the next worker reads the lines of open ones again."""
        if self._reader is not None:
            reader, self._reader = self._reader, None
            await reader.stop()

    async def finish(self) -> None:
        """Disconnect."""
        await self.leave()
        if self._tables is not None:
            await self._tables.stop()
        await self._producer.stop()

    def _route(self, window: Window) -> Window:
        assert self._tables is not None
        return self._tables.of(window.system).route(window)


def build(config: Settings) -> ReaderApp:
    """The app; nothing is connected before it starts.

    :raises SettingError: no system is configured, or the header or masks of one cannot be used.
    """
    if not config.systems:
        raise SettingError("FUSIONLOG_SYSTEMS_FILE", None, "name a YAML file of systems to read")
    for name, system in config.systems.items():
        Parser(name, system, config.ingest)
    work = IngestWork(config)
    app = ReaderApp(ROLE, config, work)
    app.attend(work.read, work.leave)
    return app


__getattr__ = of_environment(build)
