"""FusionLog on a fold: the running system's parts in the running system's order, without Kafka between them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import structlog

from fusionlog import releases
from fusionlog.detector.scorer import Scorer
from fusionlog.distill import NothingToDistilError, distill
from fusionlog.distillation.sources import source_examples
from fusionlog.doubt import Doubter
from fusionlog.evaluation.asking import Asking
from fusionlog.evaluation.bench import Bench
from fusionlog.evaluation.protocol import Fold, Outcome, Result, outcomes
from fusionlog.knowledge import Knowledge
from fusionlog.labeling.waiting import Waiting
from fusionlog.method import DEFAULT_METHOD, RULES, MethodName
from fusionlog.records import ModelRelease, PseudoLabel, Window
from fusionlog.streaming.anomalies import is_anomalous

ADAPTING_CALLS = 7
"""Calls that the adaptation half may cost."""
CALLS = 15
"""Calls that a fold may cost."""
RESERVE = 2
"""Calls that are kept for windows with strange events; a doubt alone does not spend them."""
BATCH_WINDOWS = 20
"""Windows that arrive together."""
LINGER_WINDOWS = 200
"""A window waits for a full call at most until so many more have come: what `label.wait_seconds` is on a clock."""

log = structlog.get_logger(__name__)


@dataclass
class Verdicts:
    """The verdict on each window of a half, and whether the teacher was asked for it."""

    scores: list[float]
    anomalous: list[bool]
    proprietary: list[bool]

    @classmethod
    def of(cls, number: int) -> Verdicts:
        """No verdict yet on any of `number` windows."""
        return cls([0.0] * number, [False] * number, [False] * number)

    def give(self, place: int, score: float, anomalous: bool, proprietary: bool = False) -> None:
        """The verdict on the window at a place."""
        self.scores[place], self.anomalous[place], self.proprietary[place] = score, anomalous, proprietary

    def by_session(self, windows: Sequence[Window]) -> list[Outcome]:
        """As verdicts on sessions."""
        return outcomes(windows, self.scores, self.anomalous, self.proprietary)


@dataclass
class Target:
    """What is known of a target while its stream goes by."""

    fold: Fold
    bench: Bench
    calls: int = CALLS
    method: MethodName = DEFAULT_METHOD
    seconds_score: float = 0.0
    spent: int = 0

    def __post_init__(self) -> None:
        self.knowledge = Knowledge(self.fold.target, self.bench.encode, rules=RULES[self.method])
        self.scorer = Scorer(self.bench.settings.score)
        self.doubter = Doubter(self.bench.settings.doubt)
        self.asking = Asking(self.bench.teacher, self.fold.system)

    def adopt(self, release: ModelRelease) -> None:
        """Use a release from now on."""
        self.knowledge.adopt(releases.sign(release, None))

    @property
    def calls_left(self) -> int:
        """Calls that may still be made. Those that had to be repeated count as well."""
        return self.calls - max(self.spent, self.asking.spent.calls)

    async def ask(self, windows: Sequence[Window]) -> list[PseudoLabel]:
        """The teacher's labels of windows, learned; a window that it cannot judge has none."""
        self.spent += -(-len(windows) // self.bench.settings.label.units_per_call)
        await self.asking.ask(windows)
        shapes = dict.fromkeys(window.shape for window in windows)
        found = [self.asking.labels[shape] for shape in shapes if shape in self.asking.labels]
        for label in found:
            self.knowledge.learn(label)
        return found

    def distil(self, labels: Sequence[PseudoLabel], base: ModelRelease) -> None:
        """Distil labels of the adaptation half, and adopt what comes of it if the gate lets it."""
        sources = [source_examples(source, self.bench.cache, base.detector) for source in self.bench.sources]
        try:
            distilled = distill(
                labels, self.fold.adapt, sources, base, self.bench.cache, self.bench.settings.distill,
                lambda examples: self.bench.fits([examples])[0], now=time.time(),
            )  # fmt: skip
        except NothingToDistilError as error:
            log.warning("nothing was distilled", reason=str(error))
            return
        if distilled.report.accepted:
            self.adopt(distilled.release)
        else:
            log.warning("the gate refused a release", reason=distilled.report.reason)

    def judge(self, windows: Sequence[Window]) -> list[tuple[float, bool]]:
        """Score and verdict on each window: the teacher's word where there is one, else the model's."""
        began = time.perf_counter()
        labels = [self.knowledge.word_on(window) for window in windows]
        rest = [window for window, label in zip(windows, labels, strict=True) if label is None]
        scores = iter(self.scorer.score(rest, self.knowledge) if rest else [])
        found = []
        for label in labels:
            if label is not None:
                found.append((label.probability, is_anomalous(label)))
            else:
                score = next(scores)
                found.append((score.probability, score.anomalous))
        self.seconds_score += time.perf_counter() - began
        return found


async def adapt(target: Target, base: ModelRelease) -> float:
    """Ask about the adaptation half and distil what was said; the seconds that took."""
    began, settings = time.perf_counter(), target.bench.settings
    target.adopt(base)
    waiting: Waiting[None] = Waiting()
    for window in target.fold.adapt:
        waiting.add(window, None)
        target.doubter.habits.see(window)
    units = min(ADAPTING_CALLS, target.calls_left) * settings.label.units_per_call
    await target.ask(waiting.choose(units, target.knowledge.strange, target.knowledge.judged))
    target.distil(list(target.asking.labels.values()), base)
    return time.perf_counter() - began


class Online:
    """The test half as it comes: general windows get the model's verdict, the others wait for the teacher's."""

    def __init__(self, target: Target, windows: Sequence[Window]) -> None:
        self._target, self._windows = target, windows
        self._waiting: Waiting[int] = Waiting()
        self._since: dict[str, int] = {}
        self._doubtful: set[str] = set()
        self.verdicts = Verdicts.of(len(windows))

    async def run(self) -> Verdicts:
        """The verdicts on all windows."""
        for start in range(0, len(self._windows), BATCH_WINDOWS):
            end = min(start + BATCH_WINDOWS, len(self._windows))
            self._take(range(start, end))
            while self._due(end) and await self._ask():
                pass
            self._let_go(end)
        self._give_up()
        return self.verdicts

    def _take(self, places: range) -> None:
        """Route the windows that came; those that are general get their verdict, if it is not doubted."""
        target = self._target
        general = []
        for place in places:
            window = self._windows[place]
            if window.shape in self._since or (
                target.knowledge.verdict_of(window.shape) is None and target.knowledge.strange(window)
            ):
                self._wait(place)
            else:
                general.append(place)
        self._judge(general)
        for place in places:
            target.doubter.habits.see(self._windows[place])

    def _judge(self, places: Sequence[int]) -> None:
        target = self._target
        for place, (score, bad) in zip(places, target.judge([self._windows[p] for p in places]), strict=True):
            window = self._windows[place]
            self.verdicts.give(place, score, bad)
            if window.shape in self._since:
                self._wait(place)
            elif target.calls_left > RESERVE:
                value = target.doubter.asks(window, score, target.knowledge)
                if value is not None:
                    self._doubtful.add(window.shape)
                    self._wait(place, value)

    def _wait(self, place: int, value: float = 0.0) -> None:
        window = self._windows[place]
        self._waiting.add(window, place, value)
        self._since.setdefault(window.shape, place)

    def _due(self, now: int) -> bool:
        """Whether a call is worth making: enough windows wait, or one of them has waited for long.

        Doubts wait twice as long, for they may fill the calls that strange events need anyway; and they never take the
        last ones.
        """
        strange = [place for shape, place in self._since.items() if shape not in self._doubtful]
        doubts = [place for shape, place in self._since.items() if shape in self._doubtful]
        left = self._target.calls_left
        return bool((left and self._full(strange, now, 1)) or (left > RESERVE and self._full(doubts, now, 2)))

    def _full(self, since: Sequence[int], now: int, calls: int) -> bool:
        size = self._target.bench.settings.label.units_per_call
        if not since:
            return False
        waiting = sum(self._waiting.count(self._windows[place].shape) for place in since)
        return waiting >= calls * size or now - min(since) >= calls * LINGER_WINDOWS

    async def _ask(self) -> bool:
        """One call; the windows that became general meanwhile get the model's verdict. Whether anything was asked."""
        target = self._target
        size = target.bench.settings.label.units_per_call
        chosen = self._waiting.choose(size, target.knowledge.strange, target.knowledge.judged)
        if not chosen or not target.calls_left:
            return False
        for label in await target.ask(chosen):
            for place in self._leave(label.shape):
                self.verdicts.give(place, label.probability, is_anomalous(label), proprietary=True)
        for window in self._waiting.windows:
            if window.shape not in self._doubtful and not target.knowledge.strange(window):
                self._judge(self._leave(window.shape))
        return True

    def _leave(self, shape: str) -> list[int]:
        self._since.pop(shape, None)
        self._doubtful.discard(shape)
        return self._waiting.take(shape)

    def _let_go(self, now: int) -> None:
        """Doubts that others went before for long enough: the model's verdict stands."""
        for shape in [shape for shape in self._doubtful if now - self._since[shape] >= 3 * LINGER_WINDOWS]:
            self._settle(shape)

    def _give_up(self) -> None:
        """The stream has ended or the calls are spent: what still waits gets the model's verdict."""
        for window in self._waiting.windows:
            self._settle(window.shape)

    def _settle(self, shape: str) -> None:
        """The model's verdict on the windows of a shape that waits, without another doubt."""
        places = self._leave(shape)
        for place, (score, bad) in zip(places, self._target.judge([self._windows[p] for p in places]), strict=True):
            self.verdicts.give(place, score, bad)


async def fusionlog(fold: Fold, bench: Bench) -> Result:
    """FusionLog (arXiv 2511.05878): the teacher is asked while adapting, the small model alone gives the verdicts."""
    return await _run(fold, bench, "fusionlog")


async def fusionlog_online(fold: Fold, bench: Bench) -> Result:
    """FusionLog as it runs: the teacher is asked on the test half, too, where the model knows too little."""
    return await _run(fold, bench, "fusionlog+online")


async def _run(fold: Fold, bench: Bench, method: MethodName) -> Result:
    target, base = Target(fold, bench, method=method), bench.base()
    online = RULES[method].asks(own=True)
    seconds = await adapt(target, base)
    before = target.seconds_score
    adapted = _alone(target, fold.adapt)
    target.seconds_score = before
    routed = [target.knowledge.route(window).route for window in fold.test]
    verdicts = await Online(target, fold.test).run() if online else _alone(target, fold.test)
    return Result(
        outcomes=verdicts.by_session(fold.test),
        adapted=adapted.by_session(fold.adapt),
        asked=target.asking.asked,
        calls=target.asking.spent.calls,
        units=target.asking.units,
        tokens=target.asking.spent.tokens,
        seconds_train=seconds,
        seconds_score=target.seconds_score,
        tau=base.tau,
        similarities=[float(np.float32(route.similarity)) for route in routed if route is not None],
    )


def _alone(target: Target, windows: Sequence[Window]) -> Verdicts:
    """The verdicts of the small model, which knows what the teacher said while it adapted."""
    verdicts = Verdicts.of(len(windows))
    for place, (score, bad) in enumerate(target.judge(windows)):
        verdicts.give(place, score, bad)
    return verdicts
