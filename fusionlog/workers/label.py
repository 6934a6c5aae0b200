"""The label role: windows from Kafka to labels, anomalies and released windows.

The windows of a call, and what follows from its answers, are decided in `online.asking`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping, Sequence

import structlog
from msgspec.structs import replace

from fusionlog import decision
from fusionlog.errors import ModelError, RecordError
from fusionlog.kafka.batch_output import BatchOutput, Message
from fusionlog.kafka.producer import Producer
from fusionlog.kafka.table import read_all, read_before
from fusionlog.kafka.table_dead_letters import LogRefusedOnce
from fusionlog.methods.alpha.label_propagation import AlphaStrategy
from fusionlog.observability import metrics
from fusionlog.observability.health import Health
from fusionlog.online.asking import (
    Answered,
    GivenUp,
    QueryStrategy,
    apply_answers,
    asked_again,
    fallback,
    known_label,
    most_informative,
)
from fusionlog.online.contradictions import Contradiction
from fusionlog.online.event_answers import answer_in
from fusionlog.online.operator_verdicts import as_label
from fusionlog.online.query_queue import CandidatePool
from fusionlog.online.questions import Questions
from fusionlog.online.verdict import is_anomalous
from fusionlog.records import Anomaly, ModelRelease, PseudoLabel, Window
from fusionlog.releases import BASE, verify
from fusionlog.settings import Settings, SystemSettings
from fusionlog.teachers.base import OFFLINE, Teacher, ask, label_of
from fusionlog.teachers.offline.teacher import OfflineTeacher
from fusionlog.workers import anomaly_record
from fusionlog.workers.anomaly_description import Describer
from fusionlog.workers.knowledge_tables import KnowledgeTables
from fusionlog.workers.muting import count_dismissed, muted_by
from fusionlog.workers.offline_labelling import OfflineLabelling
from fusionlog.workers.offline_shapes import OfflineShapes
from fusionlog.workers.offline_verdicts import History
from fusionlog.workers.provisional import is_provisional_anomaly, to_model, withdraw
from fusionlog.workers.verdict_report import VerdictCounts, VerdictReport

log = structlog.get_logger(__name__)

MAX_WAIT_SECONDS = 300.0
BASE_POLL_SECONDS = 2.0
FULL_BATCH_SECONDS = 5.0
"""The pause before a full batch of windows that have a provisional verdict goes back: others may wait behind it."""


class LabelWorker:
    """Handles messages of `windows.proprietary`; when `handle` returns, Kafka has what follows from them."""

    def __init__(
        self, settings: Settings, producer: Producer, tables: KnowledgeTables, teacher: Teacher,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep, offline: OfflineTeacher | None = None,
        health: Health | None = None, report: VerdictReport | None = None, history: History | None = None,
    ) -> None:  # fmt: skip
        """:param history: reads windows of `windows.proprietary`; default: from Kafka."""
        self._settings, self._tables, self._teacher, self._sleep = settings, tables, teacher, sleep
        offline = teacher if isinstance(teacher, OfflineTeacher) else offline
        self._health, self.report = health or Health("label"), report or VerdictReport()
        self._stands_in = settings.label.when_away == "offline" and offline not in (None, teacher)
        self._output = BatchOutput(settings, producer, "label")
        self._offline = None if offline is None else OfflineLabelling(
            settings, self._output, tables, self.report, offline, history or self._history, self.is_offline,
            stands_in=self._stands_in,
        )  # fmt: skip
        self._strategy: QueryStrategy = (
            AlphaStrategy(settings.alpha) if settings.label.labeller == "alpha" else most_informative
        )
        self._questions: dict[str, Questions] = {}
        self._turn = asyncio.Lock()
        self._offline_shapes = OfflineShapes(
            settings, tables, teacher, BatchOutput(settings, producer, "label"), self._questions_of, self._turn, sleep
        )
        self._describers: dict[str, Describer] = {}
        self._why = self._logged = ""

    async def count_history(self, windows: AsyncIterable[Window]) -> None:
        """Count the windows committed before this worker's start, for the evidence."""
        async for window in windows:
            if not self.is_offline(window.system) and window.provisional is None:
                self._questions_of(window.system).count([window])

    async def handle(self, messages: Sequence[Message]) -> None:
        """Label every window; return when each was labelled, became general or was given up.

        :raises BrokerError: Kafka did not take the results.
        """
        async with self._turn:
            await self._handle(messages)

    async def ask_about_offline_shapes(self, windows: AsyncIterable[Window]) -> None:
        """Ask about those shapes of these windows that only the offline teacher has labelled (see `OfflineShapes`).

        :raises BrokerError: Kafka does not answer.
        """
        await self._offline_shapes.ask(each async for each in windows if not self.is_offline(each.system))

    async def _handle(self, messages: Sequence[Message]) -> None:
        pools: dict[str, CandidatePool[Message]] = {}
        pairs = await self._output.windows(messages)
        if self._offline is not None:
            await self._offline.handle(messages, pairs)
        for message, window in pairs:
            if self.is_offline(window.system):
                continue
            knowledge = self._tables.of(window.system)
            self._questions_of(window.system).observe([window])
            label = known_label(window, knowledge)
            if label is not None:
                await self._report([window], label)
            else:
                pools.setdefault(window.system, CandidatePool(knowledge)).add(window, message)
        while waiting := {system: pool for system, pool in pools.items() if pool}:
            self._health.step()
            seconds = max([await self._ask(system, pool) for system, pool in waiting.items()])
            await self._output.flush()
            if seconds and any(waiting.values()):
                await (self._defer if self._stands_in else self._wait)(waiting, seconds)
        await self._output.flush()
        for questions in self._questions.values():
            questions.clear()

    def is_offline(self, system: str) -> bool:
        """Whether the teacher of a system is the offline one."""
        return isinstance(self._teacher, OfflineTeacher) or self._settings.rules(system).offline

    def assigned(self, partitions: Iterable[int]) -> None:
        """Note which partitions of `windows.proprietary` are this worker's from now on."""
        if self._offline is not None:
            self._offline.verdicts.keep(partitions)

    def learning(self) -> dict[str, str]:
        """The systems that are being learned, each as `120/200`: windows so far, and those of its learning phases."""
        return {} if self._offline is None else self._offline.learning()

    async def _history(self, ends: Mapping[int, int]) -> dict[int, list[Window]]:
        settings = self._settings
        return await read_before(settings, settings.topics.proprietary, ends, settings.distill.recent_windows)

    def _questions_of(self, system: str) -> Questions:
        if system not in self._questions:
            knowledge, label = self._tables.of(system), self._settings.label
            self._questions[system] = Questions(knowledge, self._system(system), label)
        self._questions[system].describe(self._system(system))
        return self._questions[system]

    async def _ask(self, system: str, pool: CandidatePool[Message]) -> float:
        """Make one call on the candidate pool of a system.

        :return: seconds to wait before the next call.
        """
        metrics.LABELS_WAITING.labels(system).set(len(pool.windows))
        await self._return(pool)
        call = self._strategy(pool, self._settings.label.units_per_call)
        if not call.windows:
            return 0.0
        again = asked_again(call.windows, pool.knowledge)
        units = self._questions_of(system).units
        answers = await ask(self._teacher, call.windows, self._system(system), again, units)
        answered = apply_answers(pool, call, answers, self._teacher.name, time.time())
        metrics.LABELS_PROPAGATED.labels(system).inc(answered.inherited)
        await self._deliver(answered)
        await self._return(pool)
        metrics.LABELS_WAITING.labels(system).set(len(pool.windows))
        if answered.retry_after is None:
            if self._logged:
                log.info("the teacher answers again", teacher=self._teacher.name, before=self._logged)
            self._logged = ""
            return 0.0
        self._why = answered.why
        return max(answered.retry_after, self._settings.label.wait_seconds)

    async def _deliver(self, answered: Answered[Message]) -> None:
        for each in answered.labelled:
            for contradiction in each.contradictions:
                _reopened(contradiction)
            if each.news:
                metrics.LABELS.labels(each.label.system, each.label.teacher).inc()
                await self._output.send(self._settings.topics.labels, each.label)
            await self._report([window for window, _ in each.waited], each.label)
        for given_up in answered.given_up:
            await self._give_up(given_up)

    async def _return(self, pool: CandidatePool[Message]) -> None:
        """Return the windows that need no label to the small model."""
        for window, _ in pool.release():
            await self._to_model(window)

    async def _to_model(self, window: Window) -> None:
        """Send a window to the small model; a provisional anomaly of it is withdrawn, for the model has the verdict."""
        await to_model(window, self._output, self._settings.topics, self._teacher.name)

    async def _report(self, windows: Sequence[Window], label: PseudoLabel) -> None:
        """Count the windows of a labelled shape; queue an anomaly for each where the label is anomalous."""
        metrics.LABELLED.labels(label.system).inc(len(windows))
        self.report.add(label.system, VerdictCounts(windows=len(windows)))
        for _ in windows:
            count_dismissed(label, self.report)
        if not is_anomalous(label):
            for window in filter(is_provisional_anomaly, windows):
                await withdraw(window, self._output, self._settings.topics, label)
            return
        now = time.time()
        unusual = self._questions_of(label.system).unusual(windows[0]) if windows else []
        for window in windows:
            anomaly = self._described(replace(anomaly_record.by_teacher(window, label, now), unusual=unusual), window)
            dismissal = muted_by(anomaly, self._tables.of(window.system).operators, self.report, now)
            if dismissal is not None:
                if is_provisional_anomaly(window):
                    await withdraw(window, self._output, self._settings.topics, as_label(dismissal))
                continue
            metrics.ANOMALIES.labels(window.system, "teacher").inc()
            self.report.anomaly(anomaly)
            await self._output.send(self._settings.topics.anomalies, anomaly)

    def _described(self, anomaly: Anomaly, window: Window) -> Anomaly:
        """The anomaly with its description, by the profile of its teacher's evidence."""
        system = window.system
        if system not in self._describers:
            self._describers[system] = Describer(self._system(system))
        return self._describers[system].describe(anomaly, window, self._questions_of(system).profile, own=1)

    async def _give_up(self, given_up: GivenUp[Message]) -> None:
        """Return a referred window to the model, which has a verdict on it; any other becomes a dead letter."""
        waited, error = given_up.waited, str(given_up.error)
        log.error("no label", system=waited[0][0].system, windows=len(waited), error=error)
        for window, message in waited:
            general = fallback(window)
            if general is not None:
                await self._to_model(general)
            else:
                await self._output.dead_letter(message, RecordError("no-label", error))

    async def _wait(self, pools: Mapping[str, CandidatePool[Message]], seconds: float) -> None:
        """Wait, at most `MAX_WAIT_SECONDS`; a reason that goes on is one sentence in the log."""
        seconds = min(seconds, MAX_WAIT_SECONDS)
        self._report_away(
            "the teacher cannot answer now; windows wait in Kafka", shapes=sum(len(p.windows) for p in pools.values()),
            teacher=self._teacher.name, seconds=round(seconds, 1), why=self._why,
        )  # fmt: skip
        await self._sleep(seconds)

    def _report_away(self, sentence: str, **fields: object) -> None:
        """Log a reason to wait once; an endpoint that is left alone is in the log already."""
        known = self._health.degraded or self._why == self._logged
        (log.debug if known else log.warning)(sentence, **fields)
        self._logged = "" if self._health.degraded else self._why

    async def _defer(self, pools: Mapping[str, CandidatePool[Message]], seconds: float) -> None:
        """Send all windows back to the end of their topic, each with a provisional verdict of the offline teacher.

        Windows that have one already go back after a pause, so that those behind them get theirs.
        """
        windows = [window for pool in pools.values() for shape in pool.windows for window, _ in pool.take(shape.shape)]
        fresh = [window for window in windows if window.provisional is None]
        if fresh:
            self._report_away("the teacher cannot answer now; verdicts are provisional", why=self._why)
        else:
            full = len(windows) >= self._settings.label.units_per_call
            await self._wait(pools, min(seconds, FULL_BATCH_SECONDS) if full else seconds)
        for window in windows:
            back = await self._with_provisional(window) if window.provisional is None else window
            await self._output.send(self._settings.topics.proprietary, back)

    async def _with_provisional(self, window: Window) -> Window:
        """The window with the provisional verdict that it had when it came; an anomaly is reported."""
        assert self._offline is not None
        now, verdict = time.time(), self._offline.standing_in(window)
        metrics.PROVISIONAL.labels(window.system).inc()
        self.report.add(window.system, VerdictCounts(provisional=1))
        deferred = replace(window, provisional=verdict.probability)
        if is_provisional_anomaly(deferred):
            label = label_of(window, verdict, OFFLINE, now)
            record = replace(anomaly_record.by_teacher(window, label, now), provisional=True)
            anomaly = self._described(record, window)
            if muted_by(anomaly, self._tables.of(window.system).operators, self.report, now) is None:
                self.report.anomaly(anomaly)
                await self._output.send(self._settings.topics.anomalies, anomaly)
        return deferred

    def _system(self, name: str) -> SystemSettings:
        """A system's entry in the systems file; an empty one where this worker's file lacks it."""
        return self._settings.systems.get(name) or SystemSettings()


def _reopened(contradiction: Contradiction) -> None:
    """Count and log an event whose verdict an answer contradicts: windows with it are asked again."""
    event, before, label = contradiction
    metrics.EVENTS_REOPENED.labels(label.system).inc()
    log.warning(
        "answers contradict each other: the event is asked again", system=label.system, text=event.text,
        template=event.template, settled=_answer(before, event.template), answer=_answer(label, event.template),
    )  # fmt: skip


def _answer(label: PseudoLabel, template: str) -> str:
    answer = answer_in(label, template)
    verdict = "anomalous" if decision.is_anomalous(answer.probability) else "normal"
    return f"{verdict} {answer.probability:.2f} by {label.teacher} on window {label.window}: {label.reason}"


async def newest_base(settings: Settings) -> ModelRelease:
    """The newest verified base release that is not withdrawn; waits for the first one, and logs that once.

    :raises BrokerError: Kafka does not answer, or the topic is missing.
    """
    logged, refused = False, LogRefusedOnce()
    while True:
        found = await read_all(settings, settings.topics.models, refused=refused)
        releases: list[ModelRelease] = [release for _, release in found]
        base = [release for release in releases if release.system == BASE and _usable(release, settings)]
        if base:
            return max(base, key=lambda release: release.created)
        if not logged:
            log.info("the offline labeller waits for a base model: meta-train one with the Ray job")
            logged = True
        await asyncio.sleep(BASE_POLL_SECONDS)


def _usable(release: ModelRelease, settings: Settings) -> bool:
    if release.withdrawn is not None:
        return False
    try:
        verify(release, settings.signatures)
    except ModelError as error:
        log.error("model refused", version=release.version, error=str(error))
        return False
    return True
