"""The offline labeller on a fold: no language model is asked."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from fusionlog.distillation.labeller import in_batches
from fusionlog.errors import SettingError, TeacherError
from fusionlog.evaluation.bench import Bench
from fusionlog.evaluation.protocol import Asked, Fold, Outcome, Result, outcomes
from fusionlog.labeling.teacher import Verdict, Watching
from fusionlog.records import Window


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
        outcomes=told, adapted=_outcomes(fold.adapt, adapted), asked=_asked(told), calls=0, units=len(fold.test),
        tokens=0, seconds_train=seconds, seconds_score=time.perf_counter() - began,
    )  # fmt: skip


def _labeller(bench: Bench) -> Watching:
    if not isinstance(bench.teacher, Watching):
        raise SettingError("--method", "offline", "its teacher is the offline labeller alone")
    return bench.teacher


def _asked(told: Iterable[Outcome]) -> list[Asked]:
    return [Asked(outcome.session, outcome.anomalous) for outcome in told]


def _outcomes(windows: Sequence[Window], said: Sequence[Verdict | TeacherError]) -> list[Outcome]:
    scores = [each.probability if isinstance(each, Verdict) else 0.0 for each in said]
    return outcomes(windows, scores, [score >= 0.5 for score in scores], [True] * len(scores))
