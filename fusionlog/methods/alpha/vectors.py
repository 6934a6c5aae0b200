"""Windows as vectors of one length: what ALPHA clusters, and what its detector looks at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fusionlog.embedding.encoder import EventVectors
from fusionlog.records import Window
from fusionlog.types import FloatArray

SUM_SCALE = 0.25
MAX_SCALE = 0.5
"""They bring both halves of a usual window's vector to a length of about one; they were not searched."""


def window_vectors(windows: Sequence[Window], cache: EventVectors) -> FloatArray:
    """Each window as the sum and the maximum over its events of log(1 + count) times the event's vector.

    The sum knows how often things happen, the maximum keeps a rare event from drowning in it.

    :return: `[windows, 2 * dim]`.
    """
    return np.stack([_vector(window, cache) for window in windows])


def _vector(window: Window, cache: EventVectors) -> FloatArray:
    counts = np.array([event.count for event in window.events], dtype=np.float32)
    weighted = np.log1p(counts)[:, None] * cache.vectors(window.events)
    found: FloatArray = np.concatenate([SUM_SCALE * weighted.sum(axis=0), MAX_SCALE * weighted.max(axis=0)])
    return found
