"""The score role: windows from Kafka to anomalies and windows for a second opinion.

Verdicts are decided in `online.decisions`.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import structlog
from aiokafka.errors import KafkaError
from msgspec.structs import replace

from fusionlog import releases
from fusionlog.errors import ModelError, RecordError, ReleaseError
from fusionlog.kafka.batch_output import BatchOutput, Message
from fusionlog.kafka.codecs import key_of
from fusionlog.kafka.producer import Producer
from fusionlog.observability import metrics
from fusionlog.online.decisions import Decisions, SystemState, decide_in_parts
from fusionlog.online.knowledge import Knowledge
from fusionlog.online.release_guard import Objection, ReleaseGuard
from fusionlog.online.scorer import Score, Scorer
from fusionlog.online.second_opinion import acquisition_score_of
from fusionlog.records import Anomaly, Window
from fusionlog.settings import Settings, SystemSettings
from fusionlog.teachers.unusual import unusual_by
from fusionlog.topics import CANARY
from fusionlog.workers import anomaly_record
from fusionlog.workers.anomaly_description import Describer
from fusionlog.workers.knowledge_tables import KnowledgeTables
from fusionlog.workers.muting import count_dismissed, muted_by
from fusionlog.workers.verdict_report import VerdictCounts, VerdictReport

log = structlog.get_logger(__name__)

# A window was routed by a model, so the model is on its topic: this is for the table to catch up.
MODEL_SECONDS = 60.0


class Decided(NamedTuple):
    """The decisions on a batch, and the anomalies among them."""

    decisions: Decisions
    anomalies: list[Anomaly]


class ScoreWorker:
    """Handles messages of `windows.general`; when `handle` returns, Kafka has what follows from them."""

    def __init__(
        self, settings: Settings, producer: Producer, tables: KnowledgeTables, scorer: Scorer,
        report: VerdictReport | None = None,
    ) -> None:  # fmt: skip
        self._settings, self._producer = settings, producer
        self._topics, self._second_opinion = settings.topics, settings.second_opinion
        self._tables, self._scorer = tables, scorer
        self._states: dict[str, SystemState] = {}
        self._guards: defaultdict[str, ReleaseGuard] = defaultdict(lambda: ReleaseGuard(settings.guard))
        self._describers: dict[str, Describer] = {}
        self.output, self.report = BatchOutput(settings, producer, "score"), report or VerdictReport()

    async def handle(self, messages: Sequence[Message]) -> None:
        """Decide on every window of a batch of messages.

        :raises BrokerError: Kafka did not take the results.
        """
        by_system: dict[str, list[tuple[Message, Window]]] = defaultdict(list)
        for message, window in await self.output.windows(messages):
            by_system[window.system].append((message, window))
        for system, pairs in by_system.items():
            await self._system(system, pairs)
        await self.output.flush()

    async def _system(self, system: str, pairs: list[tuple[Message, Window]]) -> None:
        windows = [window for _, window in pairs]
        try:
            decided = await self._decide(system, windows)
        except ModelError as error:
            log.error("windows could not be scored", system=system, windows=len(pairs), error=str(error))
            for message, _ in pairs:
                await self.output.dead_letter(message, RecordError("no-verdict", str(error)))
            self.report.add(system, VerdictCounts(dead=len(pairs)))
            return
        decisions, now = decided.decisions, time.time()
        for _, verdict in decisions.settled:
            count_dismissed(verdict, self.report)
        for anomaly in decided.anomalies:
            await self._report(anomaly, self._states[system].knowledge)
        for _, window in decisions.referred:
            metrics.SECOND_OPINIONS.labels(system).inc()
            await self.output.send(self._topics.proprietary, window)
        self.report.add(system, VerdictCounts(windows=len(decisions.settled), referred=len(decisions.referred)))
        _count(system, decisions, max(0.0, now - windows[0].ended))

    async def _decide(self, system: str, windows: Sequence[Window]) -> Decided:
        try:
            async with asyncio.timeout(MODEL_SECONDS):
                await self._tables.until_ready_for({system})
        except TimeoutError as error:
            raise ModelError(f"system {system} has no model, and there is no base model") from error
        if system not in self._states:
            self._states[system] = SystemState.of(self._tables.of(system), self._scorer, self._second_opinion)
        state = self._states[system]
        while True:
            version = state.knowledge.version
            try:
                found = await asyncio.to_thread(self._guarded_decide, windows, state)
            except ReleaseError as error:
                self._tables.withdraw(system, error)
            except ModelError:
                if state.knowledge.version == version:
                    raise  # Else another worker withdrew the release meanwhile.
            else:
                if isinstance(found, Decided):
                    return found
                await self._withdraw(state.knowledge, found)

    def _guarded_decide(self, windows: Sequence[Window], state: SystemState) -> Decided | Objection:
        """The decisions on a batch, or the guard's objection to the release in use: then nothing is decided.

        The canary has no guard: its lines are chosen to be anomalous by the newest base, and by none before.
        """
        system = state.knowledge.system
        objection = self._guards[system].observe(windows, state) if system != CANARY else None
        if objection is not None:
            return objection
        decisions, anomalies, now = Decisions(), list[Anomaly](), time.time()
        for part in decide_in_parts(windows, state):
            decisions.add(part)
            anomalies += self._anomalies(windows, part, state, now)
        return Decided(decisions, anomalies)

    def _anomalies(
        self, windows: Sequence[Window], part: Decisions, state: SystemState, now: float
    ) -> Iterator[Anomaly]:
        """The anomalies of a part, each with its description, by the profile that its verdict is from."""
        profile, describer = state.detector.profile, self._describer_of(state.knowledge.system)
        for place, verdict in part.settled:
            window = windows[place]
            anomaly = anomaly_record.of_verdict(window, verdict, now)
            if anomaly is not None:
                own = int(acquisition_score_of(window) is not None)  # It was counted when it was referred.
                anomaly = describer.describe(anomaly, window, profile, own)
                yield replace(anomaly, unusual=unusual_by(window, profile, own))

    async def _withdraw(self, knowledge: Knowledge, objection: Objection) -> None:
        """Withdraw a release here and, by its record, in all workers. Where Kafka refuses that, it is so here alone."""
        if objection.version not in knowledge.versions:
            return
        # Its content keeps the signature of its maker; the record is signed by this worker.
        release = replace(knowledge.release(objection.version), withdrawn=objection.withdrawal)
        withdrawn = releases.sealed(release)
        self._tables.withdraw_release(withdrawn)
        try:
            await (await self._producer.send(self._topics.models, key_of(withdrawn), withdrawn))
        except KafkaError as error:
            log.error(
                "the withdrawal of a model could not be written: other workers go on with it", system=knowledge.system,
                version=objection.version, topic=self._topics.models.name, error=f"{type(error).__name__}: {error}",
            )  # fmt: skip

    async def _report(self, anomaly: Anomaly, knowledge: Knowledge) -> None:
        if muted_by(anomaly, knowledge.operators, self.report, anomaly.detected_at) is not None:
            return
        metrics.ANOMALIES.labels(anomaly.system, anomaly.by).inc()
        self.report.anomaly(anomaly)
        await self.output.send(self._topics.anomalies, anomaly)

    def _describer_of(self, system: str) -> Describer:
        if system not in self._describers:
            self._describers[system] = Describer(self._settings.systems.get(system) or SystemSettings())
        return self._describers[system]


def _count(system: str, decisions: Decisions, age: float) -> None:
    """:param age: of the first window, in seconds."""
    scores = [verdict for _, verdict in decisions.settled if isinstance(verdict, Score)]
    metrics.SCORED.labels(system).inc(len(decisions.settled))
    metrics.CACHE_HITS.labels(system).inc(sum(score.cached for score in scores))
    metrics.SCORE_SECONDS.labels(system).observe(age)
