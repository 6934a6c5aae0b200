"""Windows as vectors of one dimension, the input of ALPHA's clustering and of its detector."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fusionlog.embedding.encoder import EventVectors
from fusionlog.records import Window
from fusionlog.types import FloatArray

SUM_SCALE = 0.25
MAX_SCALE = 0.5
"""Scales that give both halves of a typical window's vector a norm of about one; they were not tuned."""


def window_vectors(windows: Sequence[Window], cache: EventVectors) -> FloatArray:
    """Each window as the sum and the maximum over its events of log(1 + count) times the event's vector.

    The sum carries frequencies; in the maximum a rare event is not outweighed by frequent ones.

    :return: `[windows, 2 * dim]`.
    """
    return np.stack([_vector(window, cache) for window in windows])


def _vector(window: Window, cache: EventVectors) -> FloatArray:
    counts = np.array([event.count for event in window.events], dtype=np.float32)
    weighted = np.log1p(counts)[:, None] * cache.vectors(window.events)
    found: FloatArray = np.concatenate([SUM_SCALE * weighted.sum(axis=0), MAX_SCALE * weighted.max(axis=0)])
    return found
