"""ALPHA (arXiv 2509.05936) on a fold: refine on the sources, annotate the adaptation half, judge the test half."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from fusionlog.alpha.annotation import Annotation, Annotator
from fusionlog.alpha.detector import Svm
from fusionlog.alpha.inheritance import INHERITED_WEIGHT
from fusionlog.alpha.refinement import Known, Told, choose, to_ask
from fusionlog.alpha.vectors import window_vectors
from fusionlog.decision import UNSURE_NORMAL, is_anomalous
from fusionlog.distillation.sources import by_shape
from fusionlog.errors import TeacherError
from fusionlog.evaluation.asking import Asking
from fusionlog.evaluation.bench import Bench
from fusionlog.evaluation.protocol import Fold, Outcome, Result, outcomes
from fusionlog.labeling.cost import FREE, Cost
from fusionlog.labeling.few_shot import FewShot
from fusionlog.records import Window
from fusionlog.settings import SystemSettings
from fusionlog.types import FloatArray


@dataclass
class Calls:
    """The calls that are left, over all systems that are asked about. Repeated ones count as well.

    No call is made unless two are left, and no more at a time than half of what is left: a call may be repeated once.
    """

    bench: Bench
    limit: int
    askings: list[Asking] = field(default_factory=list)

    def about(self, system: SystemSettings) -> Asking:
        """What is asked about one system."""
        self.askings.append(Asking(self.bench.teacher, system))
        return self.askings[-1]

    @property
    def cost(self) -> Cost:
        """What all of it has cost."""
        return sum((asking.cost for asking in self.askings), FREE)

    async def ask(self, asking: Asking, windows: Sequence[Window]) -> None:
        """Ask as far as the calls go."""
        size, left = self.bench.settings.label.units_per_call, list(windows)
        while left and (calls := (self.limit - self.cost.calls) // 2):
            now, left = left[: calls * size], left[calls * size :]
            await asking.ask(now)


@dataclass(frozen=True, eq=False)
class Taught:
    """What is known when the adaptation half was annotated: verdicts by shape (own ones and inherited), a detector."""

    own: dict[str, float]
    inherited: dict[str, float]
    detector: Svm

    def judge(self, windows: Sequence[Window], bench: Bench) -> list[Outcome]:
        """Verdicts on sessions: the teacher's on a shape that it judged, else the cluster's, else the detector's."""
        known = {**self.inherited, **self.own}
        rest = [group[0] for group in by_shape(windows) if group[0].shape not in known]
        if rest:
            scores = self.detector.score(window_vectors(rest, bench.cache))
            known |= {window.shape: float(score) for window, score in zip(rest, scores, strict=True)}
        found = [known[window.shape] for window in windows]
        return outcomes(windows, found, [is_anomalous(score) for score in found], [False] * len(found))


async def alpha(fold: Fold, bench: Bench) -> Result:
    """Cluster, ask about representatives, propagate, train an SVM; the test half is judged without the teacher."""
    began, calls = time.perf_counter(), Calls(bench, bench.settings.alpha.calls)
    await refine(calls)
    asking = calls.about(fold.system)
    taught = await _teach(fold, bench, calls, asking)
    adapting = time.perf_counter() - began
    began = time.perf_counter()
    said = taught.judge(fold.test, bench)
    seconds = time.perf_counter() - began
    return Result(
        outcomes=said, adapted=taught.judge(fold.adapt, bench), asked=asking.asked, cost=calls.cost,
        seconds_train=adapting,
        seconds_score=seconds,
    )  # fmt: skip


async def refine(calls: Calls) -> None:
    """Ask about the sources and show the teacher what it got wrong; nothing, where it cannot be shown examples."""
    bench, settings = calls.bench, calls.bench.settings.alpha
    if not isinstance(bench.teacher, FewShot) or not settings.examples:
        return
    units = settings.source_calls * bench.settings.label.units_per_call
    told: list[Told] = []
    for known in to_ask(bench.sources, units, bench.cache).values():
        told += await _tell(calls, known)
    bench.teacher.show(choose(told, settings.examples, bench.cache))


async def _tell(calls: Calls, known: Sequence[Known]) -> list[Told]:
    if not known:
        return []
    asking = calls.about(known[0].system)
    await calls.ask(asking, [each.window for each in known])
    labels = asking.labels
    return [Told(each, labels[each.window.shape]) for each in known if each.window.shape in labels]


async def _teach(fold: Fold, bench: Bench, calls: Calls, asking: Asking) -> Taught:
    groups = by_shape(fold.adapt)
    first = [group[0] for group in groups]
    vectors = window_vectors(first, bench.cache)
    weights = np.array([len(group) for group in groups], dtype=np.float32)
    units = max(0, calls.limit - calls.cost.calls) * bench.settings.label.units_per_call
    annotator = Annotator(
        vectors, weights, units, bench.settings.alpha, partial(_ask, calls, asking, first), bench.settings.distill.seed
    )
    said = await annotator.annotate()
    own = {first[place].shape: probability for place, probability in said.own.items()}
    inherited = {first[place].shape: _probability(each.anomalous, each.share) for place, each in said.inherited.items()}
    return Taught(own, inherited, _detector(vectors, weights, said))


async def _ask(calls: Calls, asking: Asking, windows: Sequence[Window], places: Sequence[int]) -> dict[int, float]:
    await calls.ask(asking, [windows[place] for place in places])
    labels = {place: asking.labels.get(windows[place].shape) for place in places}
    return {place: label.probability for place, label in labels.items() if label is not None}


def _probability(anomalous: bool, share: float) -> float:
    """Of an inherited verdict: the share of the judged members that agree with it."""
    return share if anomalous else min(1.0 - share, UNSURE_NORMAL)


def _detector(vectors: FloatArray, weights: FloatArray, said: Annotation) -> Svm:
    verdicts = {place: is_anomalous(probability) for place, probability in said.own.items()}
    verdicts |= {place: each.anomalous for place, each in said.inherited.items()}
    places = sorted(verdicts)
    if not places:
        raise TeacherError("no window was judged: raise FUSIONLOG_ALPHA__CALLS, or lower FUSIONLOG_ALPHA__SOURCE_CALLS")
    counts = np.log1p(weights[places]) * [1.0 if place in said.own else INHERITED_WEIGHT for place in places]
    return Svm(vectors[places], np.array([verdicts[place] for place in places]), counts.astype(np.float32))
