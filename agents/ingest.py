"""The ingest worker: raw lines to routed windows. `fusionlog worker ingest`, or `faust -A agents.ingest worker`."""

from __future__ import annotations

from agents.app import ReaderApp, of_environment
from agents.reader_work import ReaderWork
from fusionlog.errors import SettingError
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


class IngestWork(ReaderWork):
    """The parts of an ingest worker: producer, tables of models and labels, and the consumer of the raw topics."""

    async def prepare(self) -> None:
        """Connect, load the encoder, and start the tables of models and labels."""
        await self._producer.start()
        self._tables = await KnowledgeTables.with_encoder(self._settings, self._refused)
        self._tables.report(self.health)
        self.health.degradations.append(self._tables.problem)
        await self._tables.start()

    async def read(self) -> None:
        """Wait for a model, then read raw lines until cancelled."""
        assert self._tables is not None
        await self._tables.until_ready()
        known = await read_all(self._settings, self._settings.topics.templates, refused=self._refused)
        templates = [record for _, record in known]
        watch = Watch()
        with limited(watch, self._settings.ingest.expression_seconds):
            pipeline = IngestPipeline(self._settings, self._producer, self._route, templates, watch)
            await self.run(raw_consumer(self._settings, pipeline, self.health))

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
    work = IngestWork(config, ROLE)
    app = ReaderApp(ROLE, config, work)
    app.attend(work.read, work.leave)
    return app


__getattr__ = of_environment(build)
