"""The offline labeller on a fold, without a language model."""

from __future__ import annotations

import time
from collections.abc import Sequence

from fusionlog.decision import is_anomalous
from fusionlog.errors import SettingError, TeacherError
from fusionlog.methods.base import MethodContext
from fusionlog.methods.protocol import Fold, Outcome, Query, Result, outcomes
from fusionlog.methods.stream import Stream, StreamClock
from fusionlog.methods.target import Target
from fusionlog.records import Window
from fusionlog.teachers.base import StreamTeacher, Verdict
from fusionlog.teachers.cost import Cost


async def offline(fold: Fold, context: MethodContext) -> Result:
    """The labeller counts the adaptation half, then labels the test half batch by batch, each from those before it.

    :raises SettingError: the context has another teacher.
    """
    labeller, target = context.teacher, Target(fold, context, "offline")
    if not isinstance(labeller, StreamTeacher):
        raise SettingError("--method", "offline", "its teacher is the offline labeller alone")
    began = time.perf_counter()
    await labeller.update(fold.adapt)
    adapted = _outcomes(fold.adapt, await labeller.label_windows(fold.adapt, fold.system, own=True))
    seconds, began = time.perf_counter() - began, time.perf_counter()
    clock = StreamClock(context.settings.label.units_per_call, linger=0)
    found = (await Stream(target, fold.test, clock).run()).by_session(fold.test)
    return Result(
        outcomes=found, adapted=adapted, asked=[Query(each.session, each.anomalous) for each in found], 
        cost=Cost(units=len(fold.test)), seconds_train=seconds, seconds_score=time.perf_counter() - began,
    )  # fmt: skip


def _outcomes(windows: Sequence[Window], answers: Sequence[Verdict | TeacherError]) -> list[Outcome]:
    scores = [each.probability if isinstance(each, Verdict) else 0.0 for each in answers]
    return outcomes(windows, scores, [is_anomalous(score) for score in scores], [True] * len(scores))
