"""The router that throws dice: FusionLog on the test half, but windows to ask about are drawn at random."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import numpy as np

from fusionlog.evaluation.adapting import Target, Verdicts, adapt
from fusionlog.evaluation.bench import Bench
from fusionlog.evaluation.protocol import Fold, Result
from fusionlog.records import Window
from fusionlog.streaming.anomalies import is_anomalous

RANDOM = "random-router"


async def random_router(fold: Fold, bench: Bench, units: int) -> Result:
    """Adapt as FusionLog does, then ask about `units` shapes of the test half, as many as it asked about itself.

    Windows are drawn uniformly, each shape once and none that was judged while adapting, and asked about as they come,
    a full call at a time; the answers are learned, as ever.
    """
    base, target = bench.base(), Target(fold, bench)
    seconds = await adapt(target, base)
    adapted, test = Verdicts.of(len(fold.adapt)), Verdicts.of(len(fold.test))
    _judge(target, fold.adapt, range(len(fold.adapt)), adapted)
    began = time.perf_counter()
    drawn = draw(fold.test, units, bench.settings.distill.seed, target)
    for places, asked in _calls(len(fold.test), drawn, bench.settings.label.units_per_call):
        labels = {label.shape: label for label in await target.ask([fold.test[place] for place in asked])}
        _judge(target, fold.test, places, test)
        for place in asked:
            if label := labels.get(fold.test[place].shape):
                test.give(place, label.probability, is_anomalous(label), proprietary=True)
    return Result(
        outcomes=test.by_session(fold.test), adapted=adapted.by_session(fold.adapt), asked=target.asking.asked,
        calls=target.asking.spent.calls, units=target.asking.units, tokens=target.asking.spent.tokens,
        seconds_train=seconds, seconds_score=time.perf_counter() - began, tau=base.tau,
    )  # fmt: skip


def draw(windows: Sequence[Window], units: int, seed: int, target: Target) -> list[int]:
    """The places of the windows to ask about, in order."""
    chosen: dict[str, int] = {}
    for place in np.random.default_rng(seed).permutation(len(windows)).tolist():
        shape = windows[place].shape
        if len(chosen) < units and shape not in chosen and target.knowledge.verdict_of(shape) is None:
            chosen[shape] = place
    return sorted(chosen.values())


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
