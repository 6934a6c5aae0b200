"""The methods of others, on the same parts: the sources' model alone, the teacher alone, and GeneralLog."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from fusionlog import releases
from fusionlog.decision import UNDECIDED
from fusionlog.detector.scorer import Scorer
from fusionlog.evaluation.asking import Asking
from fusionlog.evaluation.bench import Bench
from fusionlog.evaluation.protocol import Fold, Outcome, Result, outcomes
from fusionlog.knowledge import Knowledge
from fusionlog.labeling.cost import FREE
from fusionlog.method import RULES, MethodName
from fusionlog.records import ModelRelease, PseudoLabel, Window
from fusionlog.streaming.anomalies import is_anomalous


class Small:
    """A release on a target, run as the workers run it under a method."""

    def __init__(self, fold: Fold, bench: Bench, release: ModelRelease, method: MethodName = "source-only") -> None:
        self.knowledge, self.tau = Knowledge(fold.target, bench.encode, rules=RULES[method]), release.tau
        self.knowledge.adopt(releases.sign(release, None))
        self._scorer = Scorer(bench.settings.score)

    def route(self, windows: Sequence[Window]) -> list[Window]:
        """The windows with their routes."""
        return [self.knowledge.route(window) for window in windows]

    def judge(self, windows: Sequence[Window]) -> list[tuple[float, bool]]:
        """Score and verdict on each window."""
        scores = self._scorer.score(windows, self.knowledge) if windows else []
        return [(score.probability, score.anomalous) for score in scores]


async def source_only(fold: Fold, bench: Bench) -> Result:
    """The sources' model on a target that nobody told it anything about."""
    small = Small(fold, bench, bench.base())
    adapt, test = small.route(fold.adapt), small.route(fold.test)
    began = time.perf_counter()
    verdicts = [small.judge(half) for half in (test, adapt)]
    seconds = time.perf_counter() - began
    said = [
        outcomes(half, *_columns(found), [False] * len(half))
        for half, found in zip((test, adapt), verdicts, strict=True)
    ]
    return Result(
        outcomes=said[0], adapted=said[1], asked=(), cost=FREE, seconds_train=0.0,
        seconds_score=seconds, tau=small.tau, similarities=_similarities(test),
    )  # fmt: skip


async def llm_only(fold: Fold, bench: Bench) -> Result:
    """The teacher asked about every shape of both halves: what a perfect student of it would say."""
    asking = Asking(bench.teacher, fold.system)
    knowledge = Knowledge(fold.target, bench.encode, rules=RULES["llm-only"])
    halves = [[knowledge.route(window) for window in half] for half in (fold.adapt, fold.test)]
    began = time.perf_counter()
    await asking.ask([window for half in halves for window in half if _proprietary(window)])
    seconds = time.perf_counter() - began
    said = [
        _told(half, asking, [(UNDECIDED, False)] * len(half), list(map(_proprietary, half))) for half in halves[::-1]
    ]
    return _result(said, asking, seconds)


async def general_log(fold: Fold, bench: Bench) -> Result:
    """GeneralLog (arXiv 2511.05882): the sources' model where S >= tau, the teacher at inference time where it is not.

    Nothing is learned from the answers, but a shape is asked about once: the memory stands for the paper's retrieval.
    Both halves go by in their order, so the calls are those of a system that ran from the first line on, packed as
    full as calls can be.
    """
    small = Small(fold, bench, bench.base(), "generallog")
    asking, halves = Asking(bench.teacher, fold.system), [small.route(fold.adapt), small.route(fold.test)]
    began = time.perf_counter()
    for half in halves:
        await asking.ask([window for window in half if _proprietary(window)])
    said = [_told(half, asking, small.judge(half), [_proprietary(window) for window in half]) for half in halves[::-1]]
    return replace(
        _result(said, asking, time.perf_counter() - began), tau=small.tau, similarities=_similarities(halves[1])
    )


def _proprietary(window: Window) -> bool:
    return window.route is not None and window.route.kind == "proprietary"


def _similarities(windows: Sequence[Window]) -> list[float]:
    """S of each window."""
    return [window.route.similarity for window in windows if window.route is not None]


def _told(
    windows: Sequence[Window], asking: Asking, otherwise: Sequence[tuple[float, bool]], proprietary: Sequence[bool]
) -> list[Outcome]:
    """The teacher's word on the proprietary windows, where it gave one, and the verdict `otherwise` on the others."""
    labels = [
        asking.labels.get(window.shape) if ask else None for window, ask in zip(windows, proprietary, strict=True)
    ]
    verdicts = [_verdict(label) if label else model for label, model in zip(labels, otherwise, strict=True)]
    return outcomes(windows, *_columns(verdicts), proprietary)


def _verdict(label: PseudoLabel) -> tuple[float, bool]:
    return label.probability, is_anomalous(label)


def _columns(verdicts: Sequence[tuple[float, bool]]) -> tuple[list[float], list[bool]]:
    return [score for score, _ in verdicts], [anomalous for _, anomalous in verdicts]


def _result(said: Sequence[Sequence[Outcome]], asking: Asking, seconds: float) -> Result:
    """The result of a method that asks, from the outcomes of the test half and of the one before it."""
    return Result(
        outcomes=said[0], adapted=said[1], asked=asking.asked, cost=asking.cost,
        seconds_train=0.0, seconds_score=seconds,
    )  # fmt: skip
