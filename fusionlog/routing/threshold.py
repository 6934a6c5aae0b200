"""The routing threshold tau, chosen from the labelled sources."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fusionlog.decision import is_anomalous
from fusionlog.types import BoolArray, FloatArray, IntArray

BLOCK = 1024
"""Rows compared at a time: 1,024 against 10,000 make 40 MB of similarities."""

DEFAULT_TAU = 0.9
"""Where the sources say too little. With MiniLM, events nearer than this had one verdict on every system measured."""
TAUS = (0.95, 0.9, 0.85, 0.8, 0.75, 0.7)
"""The thresholds to choose from. Below the last one neighbours are no longer the same kind of event."""
DISAGREEMENT = 0.05
"""The share of neighbours above a threshold that may have another verdict, rounded up to whole events: sources have
tens of events, not thousands, and their verdicts come from sessions, so that a single odd one proves nothing."""
LEAST_EVENTS = 20
LEAST_OF_A_VERDICT = 3
"""A source with fewer events, or fewer of one verdict, is left out: with one verdict all neighbours agree."""


def choose_tau(vectors: FloatArray, probabilities: FloatArray, systems: Sequence[str]) -> float:
    """The routing threshold that the labelled sources allow, without a label of the target.

    For each source: the smallest of `TAUS` above which an event and its nearest neighbour in that source agree on the
    verdict in 95 %, going down from the greatest. The greatest of the sources' thresholds is taken, for a neighbour
    must be trusted on a system like any of them; `DEFAULT_TAU` where no source has enough events of both verdicts.

    :param vectors: the sources' events `[n, dim]`, unit vectors.
    :param probabilities: how likely each is anomalous `[n]`; .5 and more is the verdict anomalous.
    :param systems: the source of each event.
    """
    names = np.array(systems)
    verdicts = is_anomalous(probabilities)
    found = [_tau_of(vectors[names == name], verdicts[names == name]) for name in sorted(set(systems))]
    return max((tau for tau in found if tau is not None), default=DEFAULT_TAU)


def _tau_of(vectors: FloatArray, verdicts: BoolArray) -> float | None:
    """The threshold of one source, None where it has too few events of a verdict."""
    anomalous = int(verdicts.sum())
    if len(verdicts) < LEAST_EVENTS or min(anomalous, len(verdicts) - anomalous) < LEAST_OF_A_VERDICT:
        return None
    similarity, neighbour = _neighbours(vectors)
    agrees = verdicts == verdicts[neighbour]
    chosen = TAUS[0]
    for tau in TAUS:
        above = similarity >= tau
        if (~agrees[above]).sum() > np.ceil(DISAGREEMENT * above.sum()):
            break
        chosen = tau
    return chosen


def _neighbours(vectors: FloatArray) -> tuple[FloatArray, IntArray]:
    """The greatest cosine of each vector `[n, dim]` to another one `[n]`, and the row of that one `[n]`."""
    similarity, rows = np.empty(len(vectors), dtype=np.float32), np.empty(len(vectors), dtype=np.int64)
    for start in range(0, len(vectors), BLOCK):
        cosines = vectors[start : start + BLOCK] @ vectors.T
        own = np.arange(len(cosines))
        cosines[own, start + own] = -np.inf
        rows[start : start + BLOCK] = cosines.argmax(axis=1)
        similarity[start : start + BLOCK] = cosines.max(axis=1)
    return similarity, rows
