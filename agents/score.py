"""The score worker: general windows to anomalies. `fusionlog worker score`, or `faust -A agents.score worker`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from agents.app import ReaderApp, of_environment
from agents.reader_work import ReaderWork
from fusionlog.detector.trial_process import TrialProcess
from fusionlog.kafka.batch_handler import BatchHandler
from fusionlog.kafka.batch_output import Message
from fusionlog.kafka.group_consumer import GroupConsumer, Reading
from fusionlog.kafka.lag import LagMonitor
from fusionlog.online.scorer import Scorer
from fusionlog.settings import Settings
from fusionlog.topics import Role
from fusionlog.workers.knowledge_tables import KnowledgeTables
from fusionlog.workers.score import ScoreWorker

ROLE: Role = "score"
POLL_SECONDS = 0.2


class ScoreWork(ReaderWork):
    """The parts of a score worker: producer, tables of models and labels, small models, and the lag of its topic."""

    def __init__(self, config: Settings) -> None:
        super().__init__(config, ROLE)
        self._scorer, self._trials = Scorer(config.score), TrialProcess()
        self._lag = LagMonitor(config, self._group, config.topics.general)

    @property
    def _group(self) -> str:
        return f"{self._settings.topic_prefix}{ROLE}"

    async def prepare(self) -> None:
        """Connect, load the encoder, and start the tables of models and labels."""
        await self._producer.start()
        self._tables = await KnowledgeTables.with_encoder(
            self._settings, self._refused, self._scorer.check, self._trials.check
        )
        self._tables.report(self.health)
        self.health.degradations.append(self._tables.problem)
        self.health.runs_on("scorer", lambda: self._scorer.provider)
        await self._tables.start()
        self._lag.start()

    @property
    def background(self) -> Sequence[asyncio.Task[None]]:
        """The tasks of the tables and of the lag."""
        return (*super().background, *self._lag.background)

    async def read(self) -> None:
        """Score general windows until cancelled."""
        assert self._tables is not None
        scoring = ScoreWorker(self._settings, self._producer, self._tables, self._scorer)
        reading = Reading(
            topics=(self._settings.topics.general.name,),
            max_records=self._settings.score.batch_windows,
            poll_seconds=POLL_SECONDS,
            commit_seconds=self._settings.ingest.commit_seconds,
        )

        async def handle(messages: Sequence[Message]) -> None:
            await scoring.handle(messages)
            self.health.verdict()

        handler = BatchHandler(handle, scoring.output.bury_now, scoring.output.confirm_with)
        await self.run(GroupConsumer(self._settings.kafka, self._group, reading, handler, self.health))

    async def finish(self) -> None:
        """Disconnect."""
        await self._lag.stop()
        await super().finish()
        self._trials.close()


def build(config: Settings) -> ReaderApp:
    """The app; nothing is connected before it starts."""
    work = ScoreWork(config)
    app = ReaderApp(ROLE, config, work)
    app.attend(work.read, work.leave)
    return app


__getattr__ = of_environment(build)
