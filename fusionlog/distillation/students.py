"""Students: the interface of training, and a trained model's soft predictions of examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from fusionlog.detector.examples import Example, batch_of
from fusionlog.detector.onnx_session import Detector
from fusionlog.settings import BaseTraining
from fusionlog.types import FloatArray

Fit = Callable[[Sequence[Example]], bytes]
"""Trains a model from scratch on examples drawn by their weight; returns its ONNX file."""


class FitAll(Protocol):
    """Trains several models that do not depend on each other, possibly in parallel."""

    def __call__(self, jobs: Sequence[Sequence[Example]], how: BaseTraining = "erm", /) -> list[bytes]:
        """The ONNX files of networks trained from scratch, one for each list of examples."""


CHUNK = 256


@dataclass(frozen=True, eq=False)
class SoftPrediction:
    """A model's soft prediction of one example: the window's probability, and those of its events `[events]`."""

    window: float
    events: FloatArray


def soft_predictions(onnx: bytes, examples: Sequence[Example]) -> list[SoftPrediction]:
    """The soft prediction of each example by the ONNX session that a scorer uses, on the CPU."""
    detector = Detector(onnx, "cpu", 1)
    found: list[SoftPrediction] = []
    for start in range(0, len(examples), CHUNK):
        chunk = examples[start : start + CHUNK]
        windows, events = detector.score(batch_of(chunk))
        for example, window, row in zip(chunk, windows, events, strict=True):
            found.append(SoftPrediction(float(window), row[: len(example.counts)]))
    return found


def window_probabilities(predictions: Sequence[SoftPrediction]) -> FloatArray:
    """The windows' probabilities, `[examples]`."""
    return np.array([prediction.window for prediction in predictions], dtype=np.float32)
