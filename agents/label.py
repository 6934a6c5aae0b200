"""The label worker: proprietary windows to labels. `fusionlog worker label`, or `faust -A agents.label worker`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
import structlog
from faust.types import StreamT

from agents.app import FusionLogApp, consume, guarded, of_environment, stall_seconds
from fusionlog.errors import BrokerError
from fusionlog.kafka.batch_output import BatchOutput, Message
from fusionlog.kafka.lag import LagMonitor
from fusionlog.kafka.producer import Producer
from fusionlog.kafka.stopping import cancelled
from fusionlog.kafka.table import read_committed
from fusionlog.kafka.table_dead_letters import TableDeadLetters
from fusionlog.observability.health import Health
from fusionlog.records import SpendingRole
from fusionlog.rules import RULES
from fusionlog.settings import Settings
from fusionlog.teachers.base import Teacher
from fusionlog.teachers.factory import check_labeller, make_teacher
from fusionlog.teachers.llm.check import check
from fusionlog.teachers.llm.teacher import LLMTeacher
from fusionlog.teachers.offline.teacher import OfflineTeacher
from fusionlog.types import FloatArray
from fusionlog.utils.onnx import check_provider
from fusionlog.workers.knowledge_tables import KnowledgeTables
from fusionlog.workers.label import LabelWorker, newest_base
from fusionlog.workers.spend_log import SpendLog
from fusionlog.workers.verdict_report import VerdictReport

ROLE: SpendingRole = "label"
# Windows are collected for this many calls: the teacher makes some at once, and many windows share a shape.
CALLS = 10

logger = structlog.get_logger(__name__)


class LabelWork:
    """The parts of a label worker: producer, tables of models and labels, budget, teachers, the lag of its topic."""

    def __init__(self, config: Settings) -> None:
        """:raises SettingError: the provider of models is `cuda`, and CUDA cannot be used."""
        check_provider(config.score.provider)
        self._settings, self._group = config, f"{config.topic_prefix}{ROLE}"
        self.health = Health(ROLE, stall_seconds(config.label))
        self._producer = Producer(config, ROLE)
        self.dead_letters = BatchOutput(config, self._producer, ROLE)
        self._spend = SpendLog(config, self._producer, ROLE)
        self._tables: KnowledgeTables | None = None
        self._teachers: list[Teacher] = []
        self._labelling: LabelWorker | None = None
        self._check: asyncio.Task[None] | None = None
        self._asking: asyncio.Task[None] | None = None
        self._lag = LagMonitor(config, self._group, config.topics.proprietary, count_deleted=True)
        self._report = VerdictReport()

    async def prepare(self) -> None:
        """Connect, start the tables of models and labels, and make the teachers; the offline one waits for a base."""
        await self._producer.start()
        self._tables = await KnowledgeTables.with_encoder(
            self._settings, TableDeadLetters(self._settings, self._producer, ROLE)
        )
        self._tables.report(self.health)
        await self._tables.start()
        self._lag.start()
        self._report.start()
        teacher, offline = await self._make_teachers()
        self._teachers = [each for each in (teacher, offline) if each is not None]
        names = ", ".join(each.name for each in self._teachers)
        self.health.teacher = names
        if isinstance(teacher, LLMTeacher):
            self.health.degradations.append(lambda: teacher.endpoint.breaker.why)
        logger.info("teacher ready", teacher=names, labeller=self._settings.label.labeller)
        self._labelling = LabelWorker(
            self._settings, self._producer, self._tables, teacher, offline=offline, health=self.health,
            report=self._report,
        )  # fmt: skip
        self.health.details["learning"] = self._labelling.learning
        if self._settings.label.evidence and not isinstance(teacher, OfflineTeacher):
            await self._count_history(self._labelling)
        self._check = asyncio.create_task(_check(teacher))

    @property
    def background(self) -> Sequence[asyncio.Task[None]]:
        """The tasks of the tables, of the budget, of the lag and of the report."""
        tables = self._tables.background if self._tables else ()
        return (*tables, *self._spend.background, *self._lag.background, *self._report.background)

    async def handle(self, messages: list[Message]) -> None:
        """Label a batch of windows."""
        assert self._labelling is not None
        await self._labelling.handle(messages)

    def assigned(self, partitions: Sequence[int]) -> None:
        """Note the partitions of this worker; ask about the shapes in them that only the offline teacher labelled."""
        if self._labelling is None:
            return
        self._labelling.assigned(partitions)
        if self._asking is not None:
            self._asking.cancel()
        if partitions and self._settings.label.url is not None:
            self._asking = asyncio.create_task(self._ask_about_offline_shapes(self._labelling, partitions))

    async def _ask_about_offline_shapes(self, labelling: LabelWorker, partitions: Sequence[int]) -> None:
        settings = self._settings
        try:
            await labelling.ask_about_offline_shapes(read_committed(
                settings, settings.topics.proprietary, self._group, settings.distill.recent_windows, partitions
            ))  # fmt: skip
        except BrokerError as error:
            logger.warning("shapes that only the offline teacher labelled are not asked about", why=str(error))

    async def finish(self) -> None:
        """Disconnect."""
        await self._lag.stop()
        await self._report.stop()
        await cancelled(self._check)
        await cancelled(self._asking)
        if self._tables is not None:
            await self._tables.stop()
        await self._spend.stop()
        await self._producer.stop()
        for teacher in self._teachers:
            await teacher.close()

    async def _count_history(self, labelling: LabelWorker) -> None:
        """Count the recent windows that this worker, or others of its group, had read."""
        settings = self._settings
        await labelling.count_history(
            read_committed(settings, settings.topics.proprietary, self._group, settings.distill.recent_windows)
        )

    async def _make_teachers(self) -> tuple[Teacher, OfflineTeacher | None]:
        """The configured teacher, and the offline one beside it where a system needs it, or it stands in."""
        if self._settings.label.url is None:
            logger.warning("FUSIONLOG_LABEL__URL is not set: the offline teacher labels, no LLM is asked")
            return await self._offline(), None
        methods = {self._settings.method_of(system) for system in self._settings.systems} or {self._settings.method}
        stands_in = self._settings.label.when_away == "offline"
        beside = await self._offline() if stands_in or any(RULES[method].offline for method in methods) else None
        await self._spend.start()
        return make_teacher(self._settings, [], _no_encoder, budget=self._spend.label_budget()), beside

    async def _offline(self) -> OfflineTeacher:
        """The offline teacher, from the events and the regression of the newest base release."""
        base = await newest_base(self._settings)
        if base.offline_teacher is None:
            logger.warning("the base release carries no offline teacher: train it again", version=base.version)
        assert self._tables is not None and self._tables.encoder is not None
        return OfflineTeacher(base.bank, self._tables.encoder, base.offline_teacher)


def build(config: Settings) -> FusionLogApp:
    """The app; nothing is connected before it starts.

    :raises SettingError: the labeller does not fit the other settings.
    """
    check_labeller(config)
    work = LabelWork(config)
    app = FusionLogApp(ROLE, config, work)
    windows = app.topic(config.topics.proprietary.name, key_type=bytes, value_type=bytes)
    guard = guarded(app, config.topics.proprietary, work.assigned)

    @app.agent(windows, name="label")
    async def label(stream: StreamT[bytes]) -> None:
        size = config.label.units_per_call * CALLS
        await consume(app, stream, size, config.label.wait_seconds, work.handle, guard, work.dead_letters)

    return app


async def _check(teacher: Teacher) -> None:
    """Log what the endpoint of an LLM can do; windows wait meanwhile."""
    if isinstance(teacher, LLMTeacher):
        found = await check(teacher)
        report = logger.info if found.usable else logger.error
        report(
            "teacher checked", usable=found.usable, requests=found.requests, tokens=found.tokens, reason=found.reason
        )


def _no_encoder(texts: Sequence[str]) -> FloatArray:
    """Vectors of no dimension, `[texts, 0]`: the LLM teacher encodes nothing."""
    return np.empty((len(texts), 0), dtype=np.float32)


__getattr__ = of_environment(build)
