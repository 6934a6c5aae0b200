"""The ablation `random-router`: FusionLog, but the queried windows of the test half are drawn at random."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from fusionlog.methods.base import MethodContext
from fusionlog.methods.fusionlog import adapt, transductive_verdicts
from fusionlog.methods.protocol import Fold, Result
from fusionlog.methods.stream import Verdicts
from fusionlog.methods.target import Target
from fusionlog.online.asking import Call
from fusionlog.online.decisions import verdicts
from fusionlog.online.query_queue import CandidatePool

Draw = Callable[[int, np.random.Generator], list[int]]
"""Draws the windows to query: from the number of windows of the test half to the indices of some of them."""


async def random_router(fold: Fold, context: MethodContext, draw: Draw) -> Result:
    """Adapt as FusionLog does, then query the windows of the test half that `draw` chose beforehand.

    They are queried in stream order, as many per call as it holds; the system learns the labels as FusionLog does.
    """
    base, target = context.base(), Target(fold, context, calls=context.settings.evaluate.calls)
    seconds = await adapt(target, base)
    adapted, test = transductive_verdicts(target), Verdicts.of(len(fold.test))
    began, random = time.perf_counter(), np.random.default_rng(context.settings.distill.seed)
    drawn = sorted(draw(len(fold.test), random))
    for places, asked in _calls(len(fold.test), drawn, context.settings.label.units_per_call):
        await _ask(target, asked)
        windows = [fold.test[place] for place in places]
        for place, verdict in zip(places, verdicts(windows, target.state), strict=True):
            test.give(place, verdict)
        target.state.detector.update(windows)
        for place in asked:
            if label := target.knowledge.label_of(fold.test[place].shape):
                test.give(place, label, proprietary=True)
    return Result(
        outcomes=test.by_session(fold.test), adapted=adapted.by_session(fold.adapt), asked=target.deduplicated.asked,
        cost=target.deduplicated.cost,
        seconds_train=seconds, seconds_score=time.perf_counter() - began, tau=base.tau,
    )  # fmt: skip


def same_share(routed: Result) -> Draw:
    """Draws uniformly the share of windows that `routed` sent to the teacher: a router without information."""
    share = sum(outcome.proprietary for outcome in routed.outcomes) / max(1, len(routed.outcomes))

    def draw(windows: int, random: np.random.Generator) -> list[int]:
        places: list[int] = random.choice(windows, round(share * windows), replace=False).tolist()
        return places

    return draw


ROUTERS: Mapping[str, Callable[[Result], Draw]] = MappingProxyType({"random-router": same_share})
"""The random routers by name; each is built from the result of the router that it is compared with."""


async def _ask(target: Target, places: Sequence[int]) -> None:
    """Query the shapes of these windows that have no label yet."""
    pool: CandidatePool[int] = CandidatePool(target.knowledge)
    for place in places:
        window = target.fold.test[place]
        if target.knowledge.label_of(window.shape) is None:
            pool.add(window, place)
    if pool:
        await target.ask(pool, Call(pool.windows))


def _calls(windows: int, drawn: Sequence[int], size: int) -> Iterator[tuple[range, Sequence[int]]]:
    """The stream in consecutive ranges, each with the indices in it that one call queries."""
    start = 0
    for first in range(0, len(drawn), size):
        asked = drawn[first : first + size]
        end = windows if first + size >= len(drawn) else asked[-1] + 1
        yield range(start, end), asked
        start = end
    if not drawn:
        yield range(windows), ()
