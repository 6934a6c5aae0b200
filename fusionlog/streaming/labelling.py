"""Proprietary windows to pseudo-labels: a shape is asked about once, and no more shapes than it takes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable, Awaitable, Callable, Mapping, Sequence

import structlog
from msgspec.structs import replace

from fusionlog import metrics
from fusionlog.alpha.inheritance import Plan, inherited, plan
from fusionlog.doubt import doubt_of
from fusionlog.errors import ModelError, RecordError, TeacherError
from fusionlog.judge import profile_of
from fusionlog.labeling.news import is_news
from fusionlog.labeling.questions import Questions
from fusionlog.labeling.teacher import Teacher, Watching, ask, label_of
from fusionlog.records import ModelRelease, PseudoLabel, Window
from fusionlog.releases import BASE, verify
from fusionlog.settings import Settings, SystemSettings
from fusionlog.streaming import anomalies
from fusionlog.streaming.following import Following
from fusionlog.streaming.outlet import Message, Outlet
from fusionlog.streaming.producer import Producer
from fusionlog.streaming.tables import read_all

log = structlog.get_logger(__name__)

Pair = tuple[Message, Window]

MAX_WAIT_SECONDS = 300.0
BASE_POLL_SECONDS = 2.0


class Labelling:
    """Handles messages of `windows.proprietary`; when `handle` returns, Kafka has what follows from them.

    The teacher is asked a call at a time, about the windows that teach most. What its answers make general goes to
    `windows.general` and is not asked about.
    """

    def __init__(
        self, settings: Settings, producer: Producer, following: Following, teacher: Teacher,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep, offline: Teacher | None = None,
    ) -> None:  # fmt: skip
        self._settings, self._following, self._teacher, self._sleep = settings, following, teacher, sleep
        self._offline = offline or teacher
        self._outlet = Outlet(settings, producer, "label")
        self._alpha = settings.alpha if settings.label.labeller == "alpha" else None
        self._begun: dict[str, str] = {}

    async def remember(self, windows: AsyncIterable[Window]) -> None:
        """Have the teachers that watch know what went by before this worker started."""
        async for window in windows:
            await self._see(window)

    async def handle(self, messages: Sequence[Message]) -> None:
        """Label every window; returns only when each was labelled, became general or was given up.

        :raises BrokerError: Kafka did not take the results.
        """
        waiting: dict[str, Questions[Pair]] = {}
        pairs = await self._outlet.windows(messages)
        for message, window in pairs:
            knowledge = self._following.of(window.system)
            label = self._said(window)
            if label is not None:
                await self._judge([(message, window)], label)
            else:
                waiting.setdefault(window.system, Questions(knowledge)).add(window, (message, window))
        for system in waiting:
            await self._begin(system)
        while queues := {system: queue for system, queue in waiting.items() if queue}:
            seconds = max([await self._ask(system, queue) for system, queue in queues.items()])
            await self._outlet.settle()
            if seconds and any(queues.values()):
                await self._wait(queues, seconds)
        await self._outlet.settle()
        for _, window in pairs:
            await self._see(window)

    async def _see(self, window: Window) -> None:
        if isinstance(teacher := self._teacher_of(window.system), Watching):
            await teacher.see([window])

    async def _begin(self, system: str) -> None:
        """Have a teacher that watches know at least the profile that the release in use was made with."""
        teacher, knowledge = self._teacher_of(system), self._following.of(system)
        version = knowledge.version
        if not isinstance(teacher, Watching) or version is None or version == self._begun.get(system):
            return
        self._begun[system] = version
        try:
            profile = profile_of(knowledge.release(version))
        except ModelError as error:
            log.error("the profile of a release is left out", system=system, version=version, error=str(error))
            return
        if profile is not None:
            await teacher.know(system, profile)

    def _teacher_of(self, system: str) -> Teacher:
        """Who judges a system."""
        return self._offline if self._settings.rules(system).offline else self._teacher

    def _said(self, window: Window) -> PseudoLabel | None:
        """What was said of a window's shape; a teacher that watches says it anew each time."""
        if isinstance(self._teacher_of(window.system), Watching):
            return None
        return self._following.of(window.system).verdict_of(window.shape)

    async def _ask(self, system: str, queue: Questions[Pair]) -> float:
        """One call about what waits of a system; what was answered, became general or was given up leaves.

        :return: how long to wait before the next call, in seconds.
        """
        metrics.LABELS_WAITING.labels(system).set(len(queue.windows))
        await self._return(queue)
        call = self._plan(queue)
        if not call.asked:
            return 0.0
        teacher = self._teacher_of(system)
        outcomes = await ask(teacher, call.asked, self._system(system))
        seconds, said = 0.0, dict[str, PseudoLabel]()
        for window, outcome in zip(call.asked, outcomes, strict=True):
            if not isinstance(outcome, TeacherError):
                label = said[window.shape] = label_of(window, outcome, teacher.name, time.time())
                if is_news(label, queue.knowledge.verdict_of(window.shape)):
                    await self._publish(label, queue.answer(label))
                else:
                    await self._judge(queue.take(window.shape), label)
            elif outcome.retry_after is None:
                await self._give_up(queue.take(window.shape), outcome)
            else:
                seconds = max(seconds, outcome.retry_after, self._settings.label.wait_seconds)
        for cluster in call.clusters:
            for _, label in inherited(cluster, said, queue.knowledge, time.time()):
                metrics.LABELS_INHERITED.labels(system).inc()
                await self._publish(label, queue.answer(label))
        await self._return(queue)
        metrics.LABELS_WAITING.labels(system).set(len(queue.windows))
        return seconds

    def _plan(self, queue: Questions[Pair]) -> Plan:
        """What to ask about in one call, by the labeller of the settings."""
        units, windows = self._settings.label.units_per_call, queue.windows
        if self._alpha is None:
            return Plan(queue.next(units), [])
        return plan(windows, [queue.count(window.shape) for window in windows], units, queue.knowledge, self._alpha)

    async def _return(self, queue: Questions[Pair]) -> None:
        """Send the windows to the model that need no answer any more."""
        for _, window in queue.settled():
            metrics.RETURNED.labels(window.system).inc()
            await self._outlet.put(self._settings.topics.general, self._following.of(window.system).route(window))

    async def _publish(self, label: PseudoLabel, pairs: Sequence[Pair]) -> None:
        metrics.LABELS.labels(label.system, label.teacher).inc()
        await self._outlet.put(self._settings.topics.labels, label)
        await self._judge(pairs, label)

    async def _judge(self, pairs: Sequence[Pair], label: PseudoLabel) -> None:
        """The provisional verdict on windows of a labelled shape."""
        metrics.LABELLED.labels(label.system).inc(len(pairs))
        if not anomalies.is_anomalous(label):
            return
        now = time.time()
        for _, window in pairs:
            metrics.ANOMALIES.labels(window.system, "teacher").inc()
            await self._outlet.put(self._settings.topics.anomalies, anomalies.by_teacher(window, label, now))

    async def _give_up(self, pairs: Sequence[Pair], error: TeacherError) -> None:
        """A doubted window goes back to the model, which has a verdict on it; any other is a dead letter."""
        log.error("no label", system=pairs[0][1].system, windows=len(pairs), error=str(error))
        for message, window in pairs:
            if window.route is not None and doubt_of(window) is not None:
                metrics.RETURNED.labels(window.system).inc()
                general = replace(window, route=replace(window.route, kind="general"))
                await self._outlet.put(self._settings.topics.general, general)
            else:
                await self._outlet.bury(message, RecordError("no-label", str(error)))

    async def _wait(self, queues: Mapping[str, Questions[Pair]], seconds: float) -> None:
        seconds = min(seconds, MAX_WAIT_SECONDS)
        log.warning(
            "the teacher cannot answer now; windows wait in Kafka", shapes=sum(len(q.windows) for q in queues.values()),
            teacher=self._teacher.name, seconds=round(seconds, 1),
        )  # fmt: skip
        await self._sleep(seconds)

    def _system(self, name: str) -> SystemSettings:
        """What the operator said of a system; of one that this worker's file lacks, nothing."""
        return self._settings.systems.get(name) or SystemSettings()


async def newest_base(settings: Settings) -> ModelRelease:
    """The newest base model, with what it was taught; waits for the first one, and says so once.

    :raises BrokerError: Kafka does not answer, or the topic is missing.
    """
    said = False
    while True:
        releases: list[ModelRelease] = [release for _, release in await read_all(settings, settings.topics.models)]
        base = [release for release in releases if release.system == BASE and _verified(release, settings)]
        if base:
            return max(base, key=lambda release: release.created)
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
