"""The decision threshold of the whole package: the probability from which a window or an event is anomalous."""

from __future__ import annotations

from typing import overload

from fusionlog.types import BoolArray, FloatArray

THRESHOLD = 0.5
"""One half, by construction: the intercepts of the regressions and of a calibration are moved until it is the best
threshold, and a release carries it as `ModelRelease.threshold`."""
UNSURE_NORMAL = 0.49
"""The probability of a window that is normal, without any certainty: the greatest that a normal verdict is given."""
UNDECIDED = THRESHOLD
"""The probability where nothing is known."""


@overload
def is_anomalous(probability: float) -> bool: ...


@overload
def is_anomalous(probability: FloatArray) -> BoolArray: ...


def is_anomalous(probability: float | FloatArray) -> bool | BoolArray:
    """Whether a probability reaches the threshold; elementwise for an array."""
    return probability >= THRESHOLD
