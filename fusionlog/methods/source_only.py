"""The baseline `source-only`: the model trained on the sources, applied to the target without adaptation."""

from __future__ import annotations

from fusionlog.methods.base import MethodContext
from fusionlog.methods.no_adaptation import run_without_adaptation
from fusionlog.methods.protocol import Fold, Result


async def source_only(fold: Fold, context: MethodContext) -> Result:
    """The sources' model labels every window of both halves; no teacher is queried."""
    return await run_without_adaptation(fold, context, "source-only", context.base())
