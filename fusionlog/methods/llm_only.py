"""The baseline `llm-only`: the teacher labels every window shape of the target, without a small model."""

from __future__ import annotations

from fusionlog.methods.base import MethodContext
from fusionlog.methods.no_adaptation import run_without_adaptation
from fusionlog.methods.protocol import Fold, Result


async def llm_only(fold: Fold, context: MethodContext) -> Result:
    """The teacher labels every shape of both halves: the verdicts that a perfect student of it would give."""
    return await run_without_adaptation(fold, context, "llm-only", None)
