"""The offline labeller on a fold, by itself and as FusionLog's teacher: no language model is asked."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from fusionlog import decision
from fusionlog.distillation.labeller import in_batches
from fusionlog.errors import SettingError, TeacherError
from fusionlog.evaluation.adapting import Target, Verdicts
from fusionlog.evaluation.bench import Bench
from fusionlog.evaluation.protocol import Asked, Fold, Outcome, Result, outcomes
from fusionlog.labeling.cost import Cost
from fusionlog.labeling.news import is_news
from fusionlog.labeling.teacher import Verdict, Watching, label_of
from fusionlog.records import ModelRelease, PseudoLabel, Window
from fusionlog.settings import SystemSettings
from fusionlog.streaming.anomalies import is_anomalous


async def offline(fold: Fold, bench: Bench) -> Result:
    """The labeller sees the adaptation half, then judges the test half as it comes, each window by those before it.

    :raises SettingError: the bench has another teacher.
    """
    labeller = _labeller(bench)
    began = time.perf_counter()
    await labeller.see(fold.adapt)
    adapted = await labeller.judge(fold.adapt, fold.system, own=True)
    seconds, began = time.perf_counter() - began, time.perf_counter()
    said: list[Verdict | TeacherError] = []
    for batch in in_batches(fold.test):
        said += await labeller.judge(batch, fold.system)
        await labeller.see(batch)
    told = _outcomes(fold.test, said)
    return Result(
        outcomes=told, adapted=_outcomes(fold.adapt, adapted), asked=_asked(told), cost=Cost(units=len(fold.test)),
        seconds_train=seconds, seconds_score=time.perf_counter() - began,
    )  # fmt: skip


async def fusionlog_offline(fold: Fold, bench: Bench) -> Result:
    """FusionLog distilled from the labeller, which goes on teaching: asking it costs nothing, so that the small model
    judges those shapes of the test half alone that it was taught, and of them those that it is surest of.

    :raises SettingError: the bench has another teacher.
    """
    labeller, base, target = _labeller(bench), bench.base(), Target(fold, bench, method="fusionlog+offline")
    seconds = await _adapt(target, base, labeller)
    adapted = target.judge(fold.adapt)
    began = time.perf_counter()
    verdicts = Verdicts.of(len(fold.test))
    for batch in in_batches(range(len(fold.test))):
        await _stream(target, labeller, batch, verdicts)
    told = verdicts.by_session(fold.test)
    return Result(
        outcomes=told, adapted=outcomes(fold.adapt, *_columns(adapted), [False] * len(adapted)),
        asked=_asked(one for one in told if one.proprietary),
        cost=Cost(units=len(fold.adapt) + sum(verdicts.proprietary)),
        seconds_train=seconds,
        seconds_score=time.perf_counter() - began, tau=base.tau,
    )  # fmt: skip


async def _adapt(target: Target, base: ModelRelease, labeller: Watching) -> float:
    """Have the labeller judge the adaptation half, and distil what it said; the seconds that took."""
    began, fold = time.perf_counter(), target.fold
    target.adopt(base)
    await labeller.see(fold.adapt)
    target.watch.see(fold.adapt)
    labels = await _labels(labeller, fold.adapt, fold.system, own=True)
    for label in labels:
        target.knowledge.learn(label)
    target.distil(labels, base)
    return time.perf_counter() - began


async def _stream(target: Target, labeller: Watching, places: Sequence[int], verdicts: Verdicts) -> None:
    """Windows that came together: each has the model's verdict where it was taught their shape and is not doubted, else
    the labeller's."""
    windows, knowledge = target.fold.test, target.knowledge
    routed = [knowledge.route(windows[place]).route for place in places]
    general = [place for place, route in zip(places, routed, strict=True) if route and route.kind == "general"]
    asked = [place for place in places if place not in general]
    for place, (score, bad) in zip(general, target.judge([windows[place] for place in general]), strict=True):
        if target.watch.doubter.asks(windows[place], score, knowledge) is None:
            verdicts.give(place, score, bad)
        else:
            asked.append(place)
    target.watch.see([windows[place] for place in general])
    labels = await _labels(labeller, [windows[place] for place in asked], target.fold.system)
    for place, label in zip(asked, labels, strict=True):
        verdicts.give(place, label.probability, is_anomalous(label), proprietary=True)
        if is_news(label, knowledge.verdict_of(label.shape)):
            knowledge.learn(label)
    await labeller.see([windows[place] for place in places])


async def _labels(
    labeller: Watching, windows: Sequence[Window], system: SystemSettings, own: bool = False
) -> list[PseudoLabel]:
    """What the labeller says of each window, as records."""
    said = await labeller.judge(windows, system, own)
    return [
        label_of(window, verdict, "offline", time.time())
        for window, verdict in zip(windows, said, strict=True)
        if isinstance(verdict, Verdict)
    ]


def _labeller(bench: Bench) -> Watching:
    if not isinstance(bench.teacher, Watching):
        raise SettingError("--method", "offline", "its teacher is the offline labeller alone")
    return bench.teacher


def _asked(told: Iterable[Outcome]) -> list[Asked]:
    return [Asked(outcome.session, outcome.anomalous) for outcome in told]


def _columns(verdicts: Sequence[tuple[float, bool]]) -> tuple[list[float], list[bool]]:
    return [score for score, _ in verdicts], [bad for _, bad in verdicts]


def _outcomes(windows: Sequence[Window], said: Sequence[Verdict | TeacherError]) -> list[Outcome]:
    scores = [each.probability if isinstance(each, Verdict) else 0.0 for each in said]
    return outcomes(windows, scores, [decision.is_anomalous(score) for score in scores], [True] * len(scores))
