"""GeneralLog on a fold (arXiv 2511.05882), and its two parts by themselves: no method here learns on the target."""

from __future__ import annotations

import time

from fusionlog.methods.base import MethodContext
from fusionlog.methods.fusionlog import similarities
from fusionlog.methods.protocol import Fold, Result
from fusionlog.methods.stream import Stream, StreamClock
from fusionlog.methods.target import Target
from fusionlog.records import ModelRelease
from fusionlog.rules import MethodName


async def general_log(fold: Fold, context: MethodContext) -> Result:
    """The sources' model where S >= tau, the teacher at inference time where it is not.

    Nothing is learned from the answers, but a shape is asked about once: the memory stands for the paper's retrieval.
    """
    return await _run(fold, context, "generallog", context.base())


async def llm_only(fold: Fold, context: MethodContext) -> Result:
    """The teacher asked about every shape of both halves: the verdicts of a perfect student of it."""
    return await _run(fold, context, "llm-only", None)


async def source_only(fold: Fold, context: MethodContext) -> Result:
    """The sources' model on a target of which it was taught nothing."""
    return await _run(fold, context, "source-only", context.base())


async def _run(fold: Fold, context: MethodContext, method: MethodName, base: ModelRelease | None) -> Result:
    """Both halves go by in their order as one stream: the calls are those of a system that ran from the first line on,
    packed as full as calls can be."""
    target, began = Target(fold, context, method), time.perf_counter()
    if base is not None:
        target.adopt(base)
    windows = [*fold.adapt, *fold.test]
    found = await Stream(target, windows, StreamClock(units=max(1, len(windows)), linger=None)).run()
    return Result(
        outcomes=found.part(len(fold.adapt), len(windows)).by_session(fold.test),
        adapted=found.part(0, len(fold.adapt)).by_session(fold.adapt), asked=target.deduplicated.asked,
        cost=target.deduplicated.cost, seconds_train=0.0,
        seconds_score=time.perf_counter() - began, tau=None if base is None else base.tau,
        similarities=() if base is None else similarities(target, fold.test),
    )  # fmt: skip
