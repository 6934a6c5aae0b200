"""The offline labeller on a fold, without a language model."""

from __future__ import annotations

from dataclasses import replace

from fusionlog.errors import SettingError
from fusionlog.methods.base import MethodContext
from fusionlog.methods.no_adaptation import run_without_adaptation
from fusionlog.methods.protocol import Fold, Query, Result
from fusionlog.teachers.offline.teacher import OfflineTeacher


async def offline(fold: Fold, context: MethodContext) -> Result:
    """The labeller gives every window of both halves a verdict, each from those before it.

    :raises SettingError: the context has another teacher.
    """
    if not isinstance(context.teacher, OfflineTeacher):
        raise SettingError("--method", "offline", "its teacher is the offline labeller alone")
    found = await run_without_adaptation(fold, context, "offline", None)
    return replace(found, asked=[Query(each.session, each.anomalous) for each in found.outcomes])
