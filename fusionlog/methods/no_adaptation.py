"""Runs a method that adapts nothing on the target: both halves of the fold are one stream."""

from __future__ import annotations

import time

from fusionlog.methods.base import MethodContext
from fusionlog.methods.fusionlog import similarities
from fusionlog.methods.protocol import Fold, Result
from fusionlog.methods.stream import Stream, StreamClock
from fusionlog.methods.target import Target
from fusionlog.records import ModelRelease
from fusionlog.rules import MethodName


async def run_without_adaptation(
    fold: Fold, context: MethodContext, method: MethodName, base: ModelRelease | None
) -> Result:
    """Run the rules of `method` over the adaptation half and then the test half.

    The calls are those of a system that ran from the first line on, each filled with as many windows as it holds.

    :param base: the sources' release; None for a method without a small model.
    """
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
