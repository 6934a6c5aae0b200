"""Proprietary windows to pseudo-labels: each shape is asked of the teacher once."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence

import structlog

from fusionlog import metrics
from fusionlog.errors import ModelError, RecordError, TeacherError
from fusionlog.labeling.teacher import Teacher, label_of, unit_of
from fusionlog.parsing.memo import Memo
from fusionlog.records import BankEvent, ModelRelease, PseudoLabel, Window
from fusionlog.releases import BASE, verify
from fusionlog.settings import Settings, SystemSettings
from fusionlog.streaming import anomalies
from fusionlog.streaming.outlet import Message, Outlet
from fusionlog.streaming.producer import Producer
from fusionlog.streaming.tables import Table, read_all

log = structlog.get_logger(__name__)

Shape = tuple[str, str]
"""System and window shape."""

Pairs = list[tuple[Message, Window]]

# Verdicts kept, about 2 kB each; an older shape is asked of the teacher again.
KEPT_LABELS = 50_000
MAX_WAIT_SECONDS = 300.0
BASE_POLL_SECONDS = 2.0


class Said:
    """What teachers said of window shapes, followed from the `labels` topic."""

    def __init__(self, settings: Settings) -> None:
        self._labels: Memo[Shape, PseudoLabel] = Memo(KEPT_LABELS)
        self._table = Table(settings, settings.topics.labels, self._on_label)

    async def start(self) -> None:
        """Read all labels there are, then follow them."""
        await self._table.start()

    async def stop(self) -> None:
        """Stop following."""
        await self._table.stop()

    def of(self, shape: Shape) -> PseudoLabel | None:
        """The label of a shape, None where there is none."""
        return self._labels.get(shape)

    def add(self, label: PseudoLabel) -> None:
        """Know a label before it comes back from Kafka."""
        self._labels.put((label.system, label.shape), label)

    def _on_label(self, key: str, label: PseudoLabel | None) -> None:
        if label is not None:
            self.add(label)
            return
        system, _, shape = key.rpartition("/")
        self._labels.pop((system, shape))


class Labelling:
    """Handles messages of `windows.proprietary`; when `handle` returns, Kafka has what follows from them."""

    def __init__(
        self, settings: Settings, producer: Producer, said: Said, teacher: Teacher,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:  # fmt: skip
        self._settings, self._said, self._teacher, self._sleep = settings, said, teacher, sleep
        self._outlet = Outlet(settings, producer, "label")

    async def handle(self, messages: Sequence[Message]) -> None:
        """Label every window; returns only when each was labelled or given up.

        :raises BrokerError: Kafka did not take the results.
        """
        waiting: dict[Shape, Pairs] = defaultdict(list)
        for message, window in await self._outlet.windows(messages):
            waiting[window.system, window.shape].append((message, window))
        for shape in list(waiting):
            label = self._said.of(shape)
            if label is not None:
                await self._judge(waiting.pop(shape), label)
        while waiting:
            seconds = await self._ask(waiting)
            await self._outlet.settle()
            if waiting:
                await self._wait(waiting, seconds)
        await self._outlet.settle()

    async def _ask(self, waiting: dict[Shape, Pairs]) -> float:
        """Ask the teacher for all that waits; what was answered or given up leaves. How long to wait for the rest."""
        self._measure(waiting)
        shapes = list(waiting)
        windows = [waiting[shape][0][1] for shape in shapes]
        outcomes = await self._teacher.label([unit_of(window, self._system(window.system)) for window in windows])
        seconds = 0.0
        for shape, window, outcome in zip(shapes, windows, outcomes, strict=True):
            if not isinstance(outcome, TeacherError):
                await self._publish(label_of(window, outcome, self._teacher.name, time.time()), waiting.pop(shape))
            elif outcome.retry_after is None:
                await self._give_up(waiting.pop(shape), outcome)
            else:
                seconds = max(seconds, outcome.retry_after)
        self._measure(waiting, shapes)
        return seconds

    async def _publish(self, label: PseudoLabel, pairs: Pairs) -> None:
        self._said.add(label)
        metrics.LABELS.labels(label.system, label.teacher).inc()
        await self._outlet.put(self._settings.topics.labels, label)
        await self._judge(pairs, label)

    async def _judge(self, pairs: Pairs, label: PseudoLabel) -> None:
        """The provisional verdict on windows of a labelled shape."""
        metrics.LABELLED.labels(label.system).inc(len(pairs))
        if not anomalies.is_anomalous(label):
            return
        now = time.time()
        for _, window in pairs:
            metrics.ANOMALIES.labels(window.system, "teacher").inc()
            await self._outlet.put(self._settings.topics.anomalies, anomalies.by_teacher(window, label, now))

    async def _give_up(self, pairs: Pairs, error: TeacherError) -> None:
        log.error("no label", system=pairs[0][1].system, windows=len(pairs), error=str(error))
        for message, _ in pairs:
            await self._outlet.bury(message, RecordError("no-label", str(error)))

    async def _wait(self, waiting: dict[Shape, Pairs], seconds: float) -> None:
        seconds = min(max(seconds, self._settings.label.wait_seconds), MAX_WAIT_SECONDS)
        log.warning(
            "the teacher cannot answer now; windows wait in Kafka",
            shapes=len(waiting), teacher=self._teacher.name, seconds=round(seconds, 1),
        )  # fmt: skip
        await self._sleep(seconds)

    def _measure(self, waiting: dict[Shape, Pairs], shapes: Sequence[Shape] = ()) -> None:
        for system in {system for system, _ in (*waiting, *shapes)}:
            metrics.LABELS_WAITING.labels(system).set(sum(1 for each, _ in waiting if each == system))

    def _system(self, name: str) -> SystemSettings:
        """What the operator said of a system; of one that this worker's file lacks, nothing."""
        return self._settings.systems.get(name) or SystemSettings()


async def base_bank(settings: Settings) -> list[BankEvent]:
    """The events that the newest base model was taught; waits for the first one, and says so once.

    :raises BrokerError: Kafka does not answer, or the topic is missing.
    """
    said = False
    while True:
        releases = [release for _, release in await read_all(settings, settings.topics.models)]
        base = [release for release in releases if release.system == BASE and _verified(release, settings)]
        if base:
            return list(max(base, key=lambda release: release.created).bank)
        if not said:
            log.info("the offline labeller waits for a base model: meta-train one with the Ray job")
            said = True
        await asyncio.sleep(BASE_POLL_SECONDS)


def _verified(release: ModelRelease, settings: Settings) -> bool:
    try:
        verify(release, settings.signing_key)
    except ModelError as error:
        log.error("model refused", version=release.version, error=str(error))
        return False
    return True
