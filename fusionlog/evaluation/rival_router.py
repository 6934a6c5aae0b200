"""A rival of the router: FusionLog on the test half, but what is asked about is drawn at random."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from fusionlog.evaluation.adapting import Target, Verdicts, adapt
from fusionlog.evaluation.bench import Bench
from fusionlog.evaluation.protocol import Fold, Result
from fusionlog.records import Window
from fusionlog.streaming.anomalies import is_anomalous

Draw = Callable[[Target, np.random.Generator], list[int]]
"""Which windows of the test half to ask about, by what is known after adapting: their places."""


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
        calls=target.asking.spent.calls, units=target.asking.units, tokens=target.asking.spent.tokens,
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


RIVALS: Mapping[str, Callable[[Result], Draw]] = MappingProxyType({"random-router": same_share})
"""The rivals by name, each made after the result of the router that it stands beside."""


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
