"""FusionLog on a fold: the running system's parts in the running system's order, without Kafka between them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import structlog

from fusionlog import releases
from fusionlog.detector.scorer import Scorer
from fusionlog.distill import NothingToDistilError, distill
from fusionlog.distillation.labeller import with_formulas
from fusionlog.distillation.sources import source_examples
from fusionlog.doubt import doubted
from fusionlog.evaluation.asking import Asking
from fusionlog.evaluation.bench import Bench
from fusionlog.evaluation.protocol import Fold, Outcome, Result, outcomes
from fusionlog.judge import Judge
from fusionlog.knowledge import Knowledge
from fusionlog.labeling.questions import Questions
from fusionlog.method import DEFAULT_METHOD, RULES, MethodName
from fusionlog.records import ModelRelease, PseudoLabel, Window
from fusionlog.settings import Settings
from fusionlog.streaming.anomalies import is_anomalous

BATCH_WINDOWS = 20
"""Windows that arrive together."""

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
    method: MethodName = DEFAULT_METHOD
    seconds_score: float = 0.0
    spent: int = 0

    def __post_init__(self) -> None:
        self.knowledge = Knowledge(self.fold.target, self.bench.encode, rules=RULES[self.method])
        self.scorer = Scorer(self.bench.settings.score)
        self.watch = Judge(self.bench.settings.doubt, self.knowledge)
        self.asking = Asking(self.bench.teacher, self.fold.system)

    def adopt(self, release: ModelRelease) -> None:
        """Use a release from now on."""
        self.knowledge.adopt(releases.sign(release, None))

    @property
    def calls_left(self) -> int:
        """Calls that may still be made. Those that had to be repeated count as well."""
        return self.bench.settings.evaluate.calls - max(self.spent, self.asking.cost.calls)

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
        base = with_formulas(base, self.bench.formulas())
        try:
            distilled = distill(
                labels, self.fold.adapt, sources, base, self.bench.cache, self.bench.settings.distill,
                self.bench.fits, now=time.time(),
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
        scores = iter(self.watch.calibrated(rest, self.scorer.score(rest, self.knowledge)) if rest else [])
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
    questions: Questions[None] = Questions(target.knowledge)
    for window in target.fold.adapt:
        questions.add(window, None)
    target.watch.see(target.fold.adapt)
    units = min(settings.evaluate.adapting_calls, target.calls_left) * settings.label.units_per_call
    await target.ask(questions.next(units))
    target.distil(list(target.asking.labels.values()), base)
    return time.perf_counter() - began


def due(shapes: int, waited: int, settings: Settings) -> bool:
    """Whether to ask: a call is full of the shapes that wait, or one of them waited while so many windows came."""
    return shapes >= settings.label.units_per_call or waited >= settings.evaluate.linger_windows


class Online:
    """The test half as it comes: general windows get the model's verdict, the others wait for the teacher's.

    A score worker's and a label worker's steps in their order, with the stream itself for a clock.
    """

    def __init__(self, target: Target, windows: Sequence[Window]) -> None:
        self._target, self._windows = target, windows
        self._questions: Questions[int] = Questions(target.knowledge)
        self._since: int | None = None
        self.verdicts = Verdicts.of(len(windows))

    async def run(self) -> Verdicts:
        """The verdicts on all windows."""
        settings = self._target.bench.settings
        for start in range(0, len(self._windows), BATCH_WINDOWS):
            end = min(start + BATCH_WINDOWS, len(self._windows))
            self._take(range(start, end))
            if self._since is not None and due(len(self._questions.windows), end - self._since, settings):
                await self._ask()
        while self._questions:
            await self._ask()
        return self.verdicts

    def _take(self, places: range) -> None:
        """Route the windows that came."""
        general = []
        for place in places:
            window = self._target.knowledge.route(self._windows[place])
            if window.route is not None and window.route.kind == "general":
                general.append(place)
            else:
                self._wait(window, place)
        self._score(general)

    def _score(self, places: Sequence[int]) -> None:
        """The verdicts on general windows; those that are doubted wait for the teacher's."""
        doubter, knowledge = self._target.watch.doubter, self._target.knowledge
        for place, window, (score, bad) in self._judged(places):
            value = doubter.asks(window, score, knowledge) if self._target.calls_left else None
            if value is None:
                self.verdicts.give(place, score, bad)
            else:
                self._wait(doubted(window, value), place)
        self._target.watch.see([self._windows[place] for place in places])

    def _wait(self, window: Window, place: int) -> None:
        self._questions.add(window, place)
        self._since = place if self._since is None else min(self._since, place)

    async def _ask(self) -> None:
        """Ask until nothing waits; the windows that became general meanwhile are scored then."""
        self._since, general = None, list[int]()
        while self._questions:
            general += self._questions.settled()
            if not self._target.calls_left:
                self._give_up(self._questions.windows)
            chosen = self._questions.next(self._target.bench.settings.label.units_per_call)
            for label in await self._target.ask(chosen) if chosen else ():
                for place in self._questions.answer(label):
                    self.verdicts.give(place, label.probability, is_anomalous(label), proprietary=True)
            self._give_up(chosen)
        self._score(sorted(general))

    def _give_up(self, windows: Sequence[Window]) -> None:
        """The model's verdict on what waits and gets no answer: the calls are spent, or the teacher cannot judge it."""
        for window in windows:
            self._target.watch.doubter.unanswered(window)
            for place, _, (score, bad) in self._judged(self._questions.take(window.shape)):
                self.verdicts.give(place, score, bad)

    def _judged(self, places: Sequence[int]) -> Iterator[tuple[int, Window, tuple[float, bool]]]:
        windows = [self._windows[place] for place in places]
        yield from zip(places, windows, self._target.judge(windows), strict=True)


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
    adapted = _looking_back(target)
    target.seconds_score = before
    routed = [target.knowledge.route(window).route for window in fold.test]
    verdicts = await Online(target, fold.test).run() if online else _alone(target, fold.test)
    return Result(
        outcomes=verdicts.by_session(fold.test),
        adapted=adapted.by_session(fold.adapt),
        asked=target.asking.asked,
        cost=target.asking.cost,
        seconds_train=seconds,
        seconds_score=target.seconds_score,
        tau=base.tau,
        similarities=[float(np.float32(route.similarity)) for route in routed if route is not None],
    )


def _alone(target: Target, windows: Sequence[Window]) -> Verdicts:
    """The verdicts of the small model, which knows what the teacher said while it adapted, as the windows come."""
    verdicts = Verdicts.of(len(windows))
    for start in range(0, len(windows), BATCH_WINDOWS):
        batch = windows[start : start + BATCH_WINDOWS]
        for place, (score, bad) in enumerate(target.judge(batch), start):
            verdicts.give(place, score, bad)
        target.watch.see(batch)
    return verdicts


def _looking_back(target: Target) -> Verdicts:
    """What the small model says of the adaptation half, whose windows it has seen."""
    verdicts = Verdicts.of(len(target.fold.adapt))
    for place, (score, bad) in enumerate(target.judge(target.fold.adapt)):
        verdicts.give(place, score, bad)
    return verdicts
