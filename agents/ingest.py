"""The ingest worker: raw lines to routed windows. `fusionlog worker ingest`, or `faust -A agents.ingest worker`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

import structlog

from agents.app import ReaderApp, of_environment
from agents.reader_work import ReaderWork
from fusionlog.errors import FusionLogError, SettingError
from fusionlog.kafka.admin import check_topics
from fusionlog.kafka.stopping import cancelled
from fusionlog.kafka.stray_topics import watch_stray_topics
from fusionlog.kafka.systems_reload import next_systems
from fusionlog.kafka.table import read_all
from fusionlog.parsing.parser import Parser
from fusionlog.records import Window
from fusionlog.settings import Settings
from fusionlog.topics import Role
from fusionlog.utils.expression_limit import Watch, limited
from fusionlog.workers.ingest.pipeline import IngestPipeline
from fusionlog.workers.ingest.raw_partitions import raw_consumer
from fusionlog.workers.knowledge_tables import KnowledgeTables

ROLE: Role = "ingest"

log = structlog.get_logger(__name__)


class IngestWork(ReaderWork):
    """The parts of an ingest worker: producer, tables of models and labels, and the consumer of the raw topics.

    When the systems file has other systems, the consumer leaves its group in order, as at a restart, and another one
    joins, with a pipeline of these systems.
    """

    _stray: asyncio.Task[None] | None = None

    async def prepare(self) -> None:
        """Connect, load the encoder, and start the tables of models and labels."""
        await self._producer.start()
        self._tables = await KnowledgeTables.with_encoder(self._settings, self._refused)
        self._tables.report(self.health)
        self.health.degradations.append(self._tables.problem)
        await self._tables.start()
        self._stray = asyncio.create_task(watch_stray_topics(self._settings), name="the watch on raw topics")

    @property
    def background(self) -> Sequence[asyncio.Task[None]]:
        """The tasks of the tables, and the watch on raw topics."""
        return (*super().background, *([self._stray] if self._stray else []))

    async def finish(self) -> None:
        """Disconnect."""
        await cancelled(self._stray)
        await super().finish()

    async def read(self) -> None:
        """Wait for a model, then read raw lines until cancelled."""
        assert self._tables is not None
        await self._tables.until_ready()
        watch = Watch()
        with limited(watch, self._settings.ingest.expression_seconds):
            settings: Settings | None = self._settings.fixed()
            while settings is not None:
                settings = await self._read_until_change(settings, watch)

    async def _read_until_change(self, settings: Settings, watch: Watch) -> Settings | None:
        """Read the lines of these systems.

        :return: the settings with the systems to go on with; None: the consumer has ended.
        """
        known = await read_all(settings, settings.topics.templates, refused=self._refused)
        pipeline = IngestPipeline(settings, self._producer, self._route, [record for _, record in known], watch)
        reading = asyncio.create_task(self.run(raw_consumer(settings, pipeline, self.health)))
        change = asyncio.create_task(next_systems(self._settings, settings, self._obstacle))
        try:
            await asyncio.wait({reading, change}, return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                reading.result()
                return None
            found = change.result()
            await self.leave()
            await reading
        finally:
            await cancelled(change)
            await cancelled(reading)
        log.info("the systems of the file are read from now on", systems=sorted(found.systems))
        return found

    async def _obstacle(self, settings: Settings, added: Iterable[str]) -> str | None:
        """Why the lines of these systems cannot be read yet; None: they can.

        :param added: the systems that were not read before.
        """
        assert self._tables is not None
        try:
            check_systems(settings)
            problems = await check_topics(settings, ROLE)
        except FusionLogError as error:
            return str(error)
        without = [name for name in added if self._tables.of(name).rules.model and not self._tables.of(name).ready]
        if without:
            return f"{', '.join(without)} has no model, and there is no base model: fusionlog models publish --bundled"
        return next((str(problem) for problem in problems if problem.fatal), None)

    def _route(self, window: Window) -> Window:
        assert self._tables is not None
        return self._tables.of(window.system).route(window)


def check_systems(config: Settings) -> None:
    """Check that a parser can be made of each system.

    :raises SettingError: the header or masks of one cannot be used.
    """
    for name, system in config.systems.items():
        Parser(name, system, config.ingest)


def build(config: Settings) -> ReaderApp:
    """The app; nothing is connected before it starts.

    :raises SettingError: no system is configured, or the header or masks of one cannot be used.
    """
    if not config.systems:
        raise SettingError("FUSIONLOG_SYSTEMS_FILE", None, "name a YAML file of systems to read")
    check_systems(config)
    work = IngestWork(config, ROLE)
    app = ReaderApp(ROLE, config, work)
    app.attend(work.read, work.leave)
    return app


__getattr__ = of_environment(build)
