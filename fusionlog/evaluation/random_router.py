"""The router that throws dice: FusionLog on the test half, but windows to ask about are drawn at random."""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from fusionlog.evaluation.adapting import Target, Verdicts, adapt
from fusionlog.evaluation.bench import Bench
from fusionlog.evaluation.oracle import units_of
from fusionlog.evaluation.protocol import Fold, Result
from fusionlog.records import Window
from fusionlog.streaming.anomalies import is_anomalous

Draw = Callable[[Sequence[str], Container[str], np.random.Generator], list[int]]
"""Which windows of the test half to ask about, from their shapes and those that were judged: their places."""


async def random_router(fold: Fold, bench: Bench, draw: Draw) -> Result:
    """Adapt as FusionLog does, then ask about windows of the test half that are drawn whatever they are.

    They are asked about as they come, as many together as a call has room for; the answers are learned, as ever.
    """
    base, target = bench.base(), Target(fold, bench)
    seconds = await adapt(target, base)
    adapted, test = Verdicts.of(len(fold.adapt)), Verdicts.of(len(fold.test))
    _judge(target, fold.adapt, range(len(fold.adapt)), adapted)
    began, random = time.perf_counter(), np.random.default_rng(bench.settings.distill.seed)
    drawn = sorted(draw([window.shape for window in fold.test], target.asking.labels, random))
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

    def draw(shapes: Sequence[str], judged: Container[str], random: np.random.Generator) -> list[int]:
        places: list[int] = random.choice(len(shapes), round(share * len(shapes)), replace=False).tolist()
        return places

    return draw


def same_units(routed: Result) -> Draw:
    """As many shapes as `routed` asked about, each once and none that was judged while adapting.

    The stricter of the two, for it costs as much: not to ask about what is known is half of a router's work.
    """
    units = units_of(routed)

    def draw(shapes: Sequence[str], judged: Container[str], random: np.random.Generator) -> list[int]:
        chosen: dict[str, int] = {}
        for place in random.permutation(len(shapes)).tolist():
            if len(chosen) < units and shapes[place] not in chosen and shapes[place] not in judged:
                chosen[shapes[place]] = place
        return list(chosen.values())

    return draw


RANDOM: Mapping[str, Callable[[Result], Draw]] = MappingProxyType(
    {"random-router": same_share, "random-units": same_units}
)
"""The random routers by name, each made after the result of the router that it stands beside."""


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
