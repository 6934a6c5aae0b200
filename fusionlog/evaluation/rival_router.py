"""Rivals of the router: FusionLog on the test half, but what is asked about is drawn at random, or by events alone.

Those that go by events choose among the windows of the whole half, and so look ahead, which no running router can.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from fusionlog.evaluation.adapting import Target, Verdicts, adapt
from fusionlog.evaluation.bench import Bench
from fusionlog.evaluation.oracle import units_of
from fusionlog.evaluation.protocol import Fold, Result
from fusionlog.records import Window
from fusionlog.streaming.anomalies import is_anomalous

Draw = Callable[[Target, np.random.Generator], list[int]]
"""Which windows of the test half to ask about, by what is known after adapting: their places."""
QUANTILE = 0.1


async def rival_router(fold: Fold, bench: Bench, draw: Draw) -> Result:
    """Adapt as FusionLog does, then ask about windows of the test half that are drawn beforehand.

    They are asked about as they come, as many together as a call has room for; the answers are learned, as ever.
    """
    base, target = bench.base(), Target(fold, bench)
    seconds = await adapt(target, base)
    adapted, test = Verdicts.of(len(fold.adapt)), Verdicts.of(len(fold.test))
    _judge(target, fold.adapt, range(len(fold.adapt)), adapted)
    began, random = time.perf_counter(), np.random.default_rng(bench.settings.distill.seed)
    drawn = sorted(draw(target, random))
    for places, asked in _calls(len(fold.test), drawn, bench.settings.label.units_per_call):
        await target.ask([fold.test[place] for place in asked])
        _judge(target, fold.test, places, test)
        target.watch.see([fold.test[place] for place in places])
        for place in asked:
            if label := target.asking.labels.get(fold.test[place].shape):
                test.give(place, label.probability, is_anomalous(label), proprietary=True)
    return Result(
        outcomes=test.by_session(fold.test), adapted=adapted.by_session(fold.adapt), asked=target.asking.asked,
        cost=target.asking.cost,
        seconds_train=seconds, seconds_score=time.perf_counter() - began, tau=base.tau,
    )  # fmt: skip


def same_share(routed: Result) -> Draw:
    """As many windows as `routed` asked about, each as likely as any other: what a router without an eye does."""
    share = sum(outcome.proprietary for outcome in routed.outcomes) / max(1, len(routed.outcomes))

    def draw(target: Target, random: np.random.Generator) -> list[int]:
        number = len(target.fold.test)
        places: list[int] = random.choice(number, round(share * number), replace=False).tolist()
        return places

    return draw


def same_units(routed: Result) -> Draw:
    """As many shapes as `routed` asked about, each once and none that was judged while adapting.

    The stricter of the two, for it costs as much: not to ask about what is known is half of a router's work.
    """

    def draw(target: Target, random: np.random.Generator) -> list[int]:
        return _unjudged(target, random.permutation(len(target.fold.test)).tolist(), units_of(routed))

    return draw


def by_events(summary: Callable[[Sequence[float]], float]) -> Callable[[Result], Draw]:
    """As many shapes as a router asked about, those of the least S, for a summary of a window's similarities as S."""

    def of(routed: Result) -> Draw:
        def draw(target: Target, _: np.random.Generator) -> list[int]:
            similar = [summary(target.knowledge.similarities(window)) for window in target.fold.test]
            return _unjudged(target, np.argsort(similar, kind="stable").tolist(), units_of(routed))

        return draw

    return of


def _quantile(similarities: Sequence[float]) -> float:
    return float(np.quantile(similarities, QUANTILE))


def _mean(similarities: Sequence[float]) -> float:
    return float(np.mean(similarities))


RIVALS: Mapping[str, Callable[[Result], Draw]] = MappingProxyType(
    {
        "random-router": same_share, "random-units": same_units, "min-router": by_events(min),
        "quantile-router": by_events(_quantile), "mean-router": by_events(_mean),
    }
)  # fmt: skip
"""The rivals by name, each made after the result of the router that it stands beside."""


def _unjudged(target: Target, order: Sequence[int], units: int) -> list[int]:
    """The first window of each of the first shapes in an order that were not judged while adapting."""
    chosen: dict[str, int] = {}
    for place in order:
        shape = target.fold.test[place].shape
        if len(chosen) < units and shape not in target.asking.labels:
            chosen.setdefault(shape, place)
    return list(chosen.values())


def _calls(windows: int, drawn: Sequence[int], size: int) -> Iterator[tuple[range, Sequence[int]]]:
    """The stream in stretches, each with the places in it that one call asks about."""
    start = 0
    for first in range(0, len(drawn), size):
        asked = drawn[first : first + size]
        end = windows if first + size >= len(drawn) else asked[-1] + 1
        yield range(start, end), asked
        start = end
    if not drawn:
        yield range(windows), ()


def _judge(target: Target, windows: Sequence[Window], places: range, verdicts: Verdicts) -> None:
    """What is known says of the windows at these places."""
    said = target.judge([windows[place] for place in places])
    for place, (score, anomalous) in zip(places, said, strict=True):
        verdicts.give(place, score, anomalous)
