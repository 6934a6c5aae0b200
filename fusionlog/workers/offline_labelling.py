"""The part of a label worker that needs no language model: proprietary windows to offline labels and anomalies.

Where the offline teacher labels a system it has all verdicts here. Where it stands in for a language model, each window
gets the verdict that `LabelWorker` reports if the model cannot answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import structlog
from msgspec.structs import replace

from fusionlog.errors import ModelError
from fusionlog.kafka.batch_output import BatchOutput, Message
from fusionlog.observability import metrics
from fusionlog.online.asking import fallback
from fusionlog.online.calibrated_detector import profile_of
from fusionlog.online.label_changes import is_changed
from fusionlog.online.operator_verdicts import as_label
from fusionlog.online.verdict import is_anomalous
from fusionlog.records import Anomaly, Feedback, PseudoLabel, Window
from fusionlog.settings import Settings, SystemSettings
from fusionlog.teachers.base import Verdict, label_of
from fusionlog.teachers.offline.teacher import OfflineTeacher
from fusionlog.workers import anomaly_record
from fusionlog.workers.anomaly_description import Describer
from fusionlog.workers.knowledge_tables import KnowledgeTables
from fusionlog.workers.muting import count_dismissed, muted_by
from fusionlog.workers.offline_verdicts import History, OfflineVerdicts
from fusionlog.workers.provisional import is_provisional_anomaly, to_model, withdraw
from fusionlog.workers.verdict_report import VerdictCounts, VerdictReport

log = structlog.get_logger(__name__)

Pair = tuple[Message, Window]


class Labelled(NamedTuple):
    """A window with its label and, where that is anomalous, its anomaly.

    `provisional` where another label follows, `again` where it is the one that follows.
    """

    window: Window
    label: PseudoLabel
    anomaly: Anomaly | None
    provisional: bool
    again: bool


Made = Labelled | Window
"""What is made of a window: labels, or the window as it goes to the small model."""


class OfflineLabelling:
    """Labels the windows of the systems whose teacher is the offline one.

    :param is_offline: whether that is a system's teacher. :param stands_in: whether the other systems' windows get a
        verdict as well.
    """

    def __init__(
        self, settings: Settings, output: BatchOutput, tables: KnowledgeTables, report: VerdictReport,
        teacher: OfflineTeacher, history: History, is_offline: Callable[[str], bool], stands_in: bool,
    ) -> None:  # fmt: skip
        self._settings, self._output, self._tables, self._report = settings, output, tables, report
        self._is_offline, self._stands_in, self._name = is_offline, stands_in, teacher.name
        self.verdicts = OfflineVerdicts(teacher, history, lambda system: stands_in or is_offline(system))
        self._begun: dict[str, str] = {}
        self._describers: dict[str, Describer] = {}
        self._meanwhile: dict[str, Verdict] = {}

    def learning(self) -> dict[str, str]:
        """The systems that are being learned, each as `120/200`."""
        pairs = self.verdicts.learning.items()
        return {system: f"{learned}/{whole}" for system, (learned, whole) in pairs if self._is_offline(system)}

    async def handle(self, messages: Sequence[Message], pairs: Sequence[Pair]) -> None:
        """Label the windows of a batch of messages whose teacher is the offline one.

        :param pairs: the messages that are windows.
        :raises BrokerError: Kafka does not answer.
        """
        mine = [pair for pair in pairs if self._is_offline(pair[1].system)]
        others = [pair for pair in pairs if not self._is_offline(pair[1].system)] if self._stands_in else []
        await self.verdicts.follow(messages)
        for system in {window.system for _, window in (*mine, *others)}:
            self._lend(system)
        self._meanwhile, labelled = await asyncio.to_thread(self._verdicts, others, mine)
        for each in labelled:
            if isinstance(each, Labelled):
                await self._deliver(each)
            else:
                await to_model(each, self._output, self._settings.topics, self._name)
        self._show_learning({window.system for _, window in mine})

    def standing_in(self, window: Window) -> Verdict:
        """The verdict that a window of the batch had when it came."""
        return self._meanwhile[window.id]

    def _verdicts(self, others: Sequence[Pair], mine: Sequence[Pair]) -> tuple[dict[str, Verdict], list[Made]]:
        """The verdicts on windows that wait for another teacher, by id; what is made of the others, in order."""
        self.verdicts.prepare([window for _, window in (*mine, *others)])
        waiting = [(window, list(self.verdicts.of(message.partition, [window]))) for message, window in others]
        made = [each for message, window in mine for each in self._made(message.partition, window)]
        return {window.id: found[0].verdict for window, found in waiting}, made

    def _made(self, partition: int, window: Window) -> Iterator[Made]:
        general = self._general(window)
        if general is None:
            yield from self._labelled(partition, window)
        else:
            yield general

    def _labelled(self, partition: int, window: Window) -> Iterator[Labelled]:
        """The label of a window, and again those of a learning phase that it ends."""
        for found in self.verdicts.of(partition, [window]):
            now = time.time()
            operators = self._tables.of(window.system).operators.label_of(found.window)
            label = operators or label_of(found.window, found.verdict, self._name, now)
            anomaly = self._anomaly(partition, found.window, label, now) if is_anomalous(label) else None
            yield Labelled(found.window, label, anomaly, found.provisional, found.again)

    def _anomaly(self, partition: int, window: Window, label: PseudoLabel, now: float) -> Anomaly:
        """The anomaly with its description, by the profile that its verdict is from."""
        profile, own = self.verdicts.profile(partition, window), int(window.provisional is not None)
        anomaly = anomaly_record.by_teacher(window, label, now)
        return self._describer_of(window.system).describe(anomaly, window, profile, own)

    def _describer_of(self, system: str) -> Describer:
        if system not in self._describers:
            self._describers[system] = Describer(self._settings.systems.get(system) or SystemSettings())
        return self._describers[system]

    async def _deliver(self, found: Labelled) -> None:
        window, topics = found.window, self._settings.topics
        if not found.again:
            metrics.LABELLED.labels(window.system).inc()
            self._report.add(window.system, VerdictCounts(windows=1, provisional=int(found.provisional)))
            count_dismissed(found.label, self._report)
            if found.provisional:
                metrics.PROVISIONAL.labels(window.system).inc()
        await self._publish(found.label)
        dismissal = self._dismissal(found.anomaly)
        if dismissal is not None:
            if is_provisional_anomaly(window):
                await withdraw(window, self._output, topics, as_label(dismissal))
        elif found.anomaly is not None:
            if not is_provisional_anomaly(window):
                metrics.ANOMALIES.labels(window.system, "teacher").inc()
                self._report.anomaly(found.anomaly)
            await self._output.send(topics.anomalies, replace(found.anomaly, provisional=found.provisional))
        elif is_provisional_anomaly(window):
            await withdraw(window, self._output, topics, found.label)

    def _dismissal(self, anomaly: Anomaly | None) -> Feedback | None:
        """The operator's verdict that mutes an anomaly."""
        if anomaly is None:
            return None
        return muted_by(anomaly, self._tables.of(anomaly.system).operators, self._report, anomaly.detected_at)

    async def _publish(self, label: PseudoLabel) -> None:
        """Publish a label that differs from the published one of its shape; another teacher's stays."""
        if label.teacher != self._name:
            return
        knowledge = self._tables.of(label.system)
        if knowledge.label_of(label.shape) is None and is_changed(label, knowledge.offline_label_of(label.shape)):
            knowledge.learn(label)
            metrics.LABELS.labels(label.system, label.teacher).inc()
            await self._output.send(self._settings.topics.labels, label)

    def _general(self, window: Window) -> Window | None:
        """A window that is the small model's; None where it gets an offline label.

        It was referred for a second opinion, which an offline teacher has not: when it comes depends on the score
        workers. Or the method has no teacher any more.
        """
        knowledge = self._tables.of(window.system)
        if not knowledge.queries_teacher:
            return knowledge.route(window)
        return fallback(window) if knowledge.rules.model else None

    def _lend(self, system: str) -> None:
        """Have the profile of the release in use, where it is another one."""
        knowledge = self._tables.of(system)
        version = knowledge.version
        if version is None or version == self._begun.get(system):
            return
        self._begun[system] = version
        try:
            self.verdicts.lend(system, profile_of(knowledge.release(version)))
        except ModelError as error:
            log.error("the profile of a release is left out", system=system, version=version, error=str(error))

    def _show_learning(self, systems: set[str]) -> None:
        learning = self.verdicts.learning
        for system in systems:
            learned, whole = learning.get(system, (0, 0))
            if learned < whole:
                self._report.learning[system] = f"{learned}/{whole}"
            elif self._report.learning.pop(system, None) is not None:
                log.info(f"{system}: the learning phase has ended, offline verdicts are final from now on")
            metrics.TO_LEARN.labels(system).set(whole - learned)
