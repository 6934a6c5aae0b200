"""General windows to anomalies: the teacher's word where there is one (`Knowledge.word_on`), else the small model's.

What the model says is doubted (see `doubt`): a share of the windows goes on to the teacher, with no verdict yet.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence

import structlog

from fusionlog import metrics
from fusionlog.detector.scorer import Score, Scorer
from fusionlog.doubt import doubt_of, doubted
from fusionlog.errors import ModelError, RecordError
from fusionlog.judge import Judge
from fusionlog.records import Anomaly, PseudoLabel, Window
from fusionlog.settings import Settings
from fusionlog.streaming import anomalies
from fusionlog.streaming.following import Following
from fusionlog.streaming.outlet import Message, Outlet
from fusionlog.streaming.producer import Producer

log = structlog.get_logger(__name__)

# A window was routed by a model, so the model is on its topic: this is for the table to catch up.
MODEL_SECONDS = 60.0


class Scoring:
    """Handles messages of `windows.general`; when `handle` returns, Kafka has what follows from them."""

    def __init__(self, settings: Settings, producer: Producer, following: Following, scorer: Scorer) -> None:
        self._topics = settings.topics
        self._doubt_settings, self._judges = settings.doubt, dict[str, Judge]()
        self._following, self._scorer = following, scorer
        self._outlet = Outlet(settings, producer, "score")

    async def handle(self, messages: Sequence[Message]) -> None:
        """Give every window its verdict.

        :raises BrokerError: Kafka did not take the results.
        """
        by_system: dict[str, list[tuple[Message, Window]]] = defaultdict(list)
        for message, window in await self._outlet.windows(messages):
            by_system[window.system].append((message, window))
        for system, pairs in by_system.items():
            await self._system(system, pairs)
        await self._outlet.settle()

    async def _system(self, system: str, pairs: list[tuple[Message, Window]]) -> None:
        windows = [window for _, window in pairs]
        try:
            verdicts = await self._verdicts(system, windows)
        except ModelError as error:
            log.error("windows could not be scored", system=system, windows=len(pairs), error=str(error))
            for message, _ in pairs:
                await self._outlet.bury(message, RecordError("no-verdict", str(error)))
            return
        now, settled = time.time(), []
        for window, verdict in zip(windows, verdicts, strict=True):
            doubt = self._doubt(window, verdict)
            if doubt is not None:
                metrics.DOUBTED.labels(system).inc()
                await self._outlet.put(self._topics.proprietary, doubted(window, doubt))
                continue
            settled.append(verdict)
            anomaly = _anomaly(window, verdict, now)
            if anomaly is not None:
                metrics.ANOMALIES.labels(system, anomaly.by).inc()
                await self._outlet.put(self._topics.anomalies, anomaly)
        # Windows that come a second time were counted before.
        self._judge(system).see([window for window in windows if doubt_of(window) is None])
        metrics.SCORED.labels(system).inc(len(settled))
        metrics.MEMO_HITS.labels(system).inc(sum(1 for each in settled if isinstance(each, Score) and each.remembered))
        metrics.SCORE_SECONDS.labels(system).observe(max(0.0, now - windows[0].ended))

    def _doubt(self, window: Window, verdict: Score | PseudoLabel) -> float | None:
        """The doubt in a verdict that the teacher should be asked about; none in one that was doubted before."""
        doubter = self._judge(window.system).doubter
        if doubt_of(window) is not None:
            doubter.unanswered(window)
            return None
        return doubter.asks(window, verdict.probability, self._following.of(window.system))

    def _judge(self, system: str) -> Judge:
        if system not in self._judges:
            self._judges[system] = Judge(self._doubt_settings, self._following.of(system))
        return self._judges[system]

    async def _verdicts(self, system: str, windows: list[Window]) -> list[Score | PseudoLabel]:
        """The teacher's word on a window's shape where it said one, else the model's."""
        try:
            async with asyncio.timeout(MODEL_SECONDS):
                await self._following.until_ready_for({system})
        except TimeoutError as error:
            raise ModelError(f"system {system} has no model, and there is no base model") from error
        knowledge = self._following.of(system)
        said = [knowledge.word_on(window) for window in windows]
        rest = [window for window, label in zip(windows, said, strict=True) if label is None]
        judge, scores = self._judge(system), iter(list[Score]())
        if rest:
            scores = iter(judge.calibrated(rest, await asyncio.to_thread(self._scorer.score, rest, knowledge)))
        return [next(scores) if label is None else label for label in said]


def _anomaly(window: Window, verdict: Score | PseudoLabel, now: float) -> Anomaly | None:
    if isinstance(verdict, PseudoLabel):
        return anomalies.by_teacher(window, verdict, now) if anomalies.is_anomalous(verdict) else None
    if not verdict.anomalous:
        return None
    return anomalies.by_model(
        window, verdict.probability, verdict.threshold, verdict.events, verdict.version, now, verdict.novelty
    )
