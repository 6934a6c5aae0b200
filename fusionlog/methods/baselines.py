"""Baselines that need neither a source nor a teacher."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from fusionlog.data.sources import by_shape
from fusionlog.decision import THRESHOLD, is_anomalous
from fusionlog.methods.base import MethodContext
from fusionlog.methods.protocol import Fold, Result, outcomes
from fusionlog.records import Window
from fusionlog.teachers.cost import FREE
from fusionlog.types import BoolArray

KEYWORDS = re.compile(
    r"error|fail|exception|fatal|warn|panic|denied|refused|timeout|timed out|abort|crash|lost|corrupt|unable|cannot"
    r"|critical|severe",
    re.IGNORECASE,
)
"""The keywords of the baseline `keyword`: those of the audit of the bundled data without `invalid`, which occurs in
each normal session of hdfs (`addToInvalidates`) and would weaken the baseline for no reason."""

QUANTILE = 0.95
"""The threshold of `nearest-neighbour`, a quantile of the distances within the adaptation half. Of .95, .99, the
greatest distance and mean + 3 sd, which were all scored, the best for this baseline."""
LEAST_DISTANCE = 1e-6
"""The least threshold, for a half in which every window has an equal one."""

Floats = NDArray[np.float64]


class Plain:
    """A method that scores each window from 0 to 1; scores from `decision.THRESHOLD` on are anomalous.

    :param score: the scores of the windows of the adaptation half and of the test half.
    """

    def __init__(self, score: Callable[[Fold], tuple[Sequence[float], Sequence[float]]]) -> None:
        self._score = score

    async def __call__(self, fold: Fold, context: MethodContext) -> Result:
        """The outcomes of both halves."""
        began = time.perf_counter()
        adapted, test = self._score(fold)
        seconds = time.perf_counter() - began
        halves = ((fold.test, test), (fold.adapt, adapted))
        found = [
            outcomes(windows, all_, [is_anomalous(s) for s in all_], [False] * len(all_)) for windows, all_ in halves
        ]
        return Result(
            outcomes=found[0], adapted=found[1], asked=(), cost=FREE, seconds_train=0.0,
            seconds_score=seconds,
        )  # fmt: skip


def all_anomalous(fold: Fold) -> tuple[list[float], list[float]]:
    """Every window is anomalous."""
    return [1.0] * len(fold.adapt), [1.0] * len(fold.test)


def keyword_grep(fold: Fold) -> tuple[list[float], list[float]]:
    """A window is anomalous if one of its lines contains one of `KEYWORDS`; more such lines give a greater score."""

    def score(window: Window) -> float:
        return _saturating(sum(event.count for event in window.events if KEYWORDS.search(event.example)))

    return [score(window) for window in fold.adapt], [score(window) for window in fold.test]


def new_event(fold: Fold) -> tuple[list[float], list[float]]:
    """A window is anomalous if it has an event that no session of the adaptation half has.

    More such events give a greater score. In the adaptation half an event counts that no *other* session has.
    """
    pairs = {(window.session, event.template) for window in fold.adapt for event in window.events}
    sessions = Counter(template for _, template in pairs)

    def score(window: Window, own: int) -> float:
        return _saturating(sum(sessions[event.template] <= own for event in window.events))

    return [score(window, 1) for window in fold.adapt], [score(window, 0) for window in fold.test]


def nearest_neighbour(fold: Fold) -> tuple[list[float], list[float]]:
    """A window is anomalous if the nearest window of the adaptation half is farther than a threshold.

    Event counts are weighted by IDF (ln(n / n_event) + 1 over the adaptation half) and scaled to norm 1; the distance
    is L2. The threshold is the `QUANTILE` of the distances within the adaptation half, each window's distance to itself
    left out; no label is read. The score is d / (d + threshold), one half at the threshold; a window at the threshold
    itself is normal.
    """
    groups = by_shape(fold.adapt)
    places = {event.template: 0 for window in [*fold.adapt, *fold.test] for event in window.events}
    places = {template: place for place, template in enumerate(places)}
    counts = _counts([group[0] for group in groups], places)
    holders = (counts > 0).T @ np.array([float(len(group)) for group in groups])
    weights = np.log(len(fold.adapt) / np.maximum(holders, 1.0)) + 1.0
    known = _unit(counts * weights)
    alone = _distances(known, known, np.array([len(group) == 1 for group in groups]))
    within = {group[0].shape: distance for group, distance in zip(groups, alone, strict=True)}
    adapted = [within[window.shape] for window in fold.adapt]
    threshold = max(float(np.quantile(adapted, QUANTILE)), LEAST_DISTANCE)
    tested = [group[0] for group in by_shape(fold.test)]
    found = _distances(_unit(_counts(tested, places) * weights), known)
    across = {window.shape: distance for window, distance in zip(tested, found, strict=True)}
    return (
        [_against(distance, threshold) for distance in adapted],
        [_against(across[window.shape], threshold) for window in fold.test],
    )


def _against(distance: float, threshold: float) -> float:
    score = float(distance) / (float(distance) + threshold)
    return score if distance > threshold else min(score, np.nextafter(THRESHOLD, 0.0))


def _saturating(hits: int) -> float:
    return hits / (1.0 + hits)


def _counts(windows: Sequence[Window], places: dict[str, int]) -> Floats:
    """The windows' counts of each event, `[windows, events]`."""
    counts = np.zeros((len(windows), len(places)))
    for row, window in enumerate(windows):
        for event in window.events:
            counts[row, places[event.template]] = event.count
    return counts


def _unit(vectors: Floats) -> Floats:
    unit: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return unit


def _distances(asked: Floats, known: Floats, alone: BoolArray | None = None) -> Floats:
    """The L2 distance of each unit vector to the nearest known one, sqrt(2 - 2 cos).

    :param alone: given where both are the same: the rows that are no neighbours of themselves.
    """
    cosines = asked @ known.T
    if alone is not None:
        own = np.flatnonzero(alone)
        cosines[own, own] = -1.0
    nearest: Floats = np.sqrt(np.maximum(0.0, 2.0 - 2.0 * cosines.max(axis=1, initial=-1.0))).round(6)
    return nearest
