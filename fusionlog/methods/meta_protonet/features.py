"""A window as one feature vector: its embedding, and the structural features that the offline labeller computes."""

from __future__ import annotations

from collections.abc import Sequence
from math import log, log1p

import numpy as np

from fusionlog.embedding.encoder import VectorCache
from fusionlog.methods.alpha.vectors import window_vectors
from fusionlog.records import Window
from fusionlog.teachers.offline.features import Features
from fusionlog.types import FloatArray

STRUCTURE = (
    *Features.__struct_fields__, "logit", "lines", "events", "most lines of an event", "lines of an event",
)  # fmt: skip
"""The structural features by name; they mean the same on every system. `logit`: of the labeller's probability."""
SURE = 0.999


def structure(window: Window, features: Features, probability: float) -> list[float]:
    """The structural features of a window, in the order of `STRUCTURE`; numbers of lines and events as log(1 + n)."""
    counts = [event.count for event in window.events] or [0]
    kept = min(max(probability, 1 - SURE), SURE)
    return [
        *features.values, log(kept / (1 - kept)), log1p(sum(counts)), log1p(len(counts)), log1p(max(counts)),
        log1p(sum(counts) / len(counts)),
    ]  # fmt: skip


def window_features(
    windows: Sequence[Window], features: Sequence[Features], probabilities: Sequence[float], cache: VectorCache
) -> FloatArray:
    """Windows as `[windows, 2 * dim + structural features]`: embeddings first."""
    columns = zip(windows, features, probabilities, strict=True)
    rows = np.array([structure(*each) for each in columns], dtype=np.float32)
    return np.concatenate([window_vectors(windows, cache), rows], axis=1)
