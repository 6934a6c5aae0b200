"""Types of arrays and callables that several modules share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

Encode = Callable[[Sequence[str]], FloatArray]
"""Texts to unit vectors, `[texts, dim]`."""

Position = tuple[int, int]
"""The place of a line in its partition: offset of the record, index of the line in the record."""

RouteKind = Literal["general", "proprietary"]
DetectorName = Literal["set", "gru"]
Clock = Callable[[], float]
"""Unix time in seconds."""
