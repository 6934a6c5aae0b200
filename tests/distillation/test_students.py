from __future__ import annotations

import numpy as np
import pytest

from fusionlog.detector.examples import Example
from fusionlog.distillation import students
from fusionlog.distillation.students import SoftPrediction, soft_predictions, window_probabilities
from fusionlog.types import FloatArray
from tests.detector.graphs import make_onnx

ONNX = make_onnx(scale=0.5)
"""An event's probability is half of its vector's first component; a window's that of its worst event."""


def make_example(*firsts: float, order: list[int] | None = None) -> Example:
    """An example of events by the first components of their vectors."""
    vectors = np.array([[first, 1.0] for first in firsts], dtype=np.float32)
    ones: FloatArray = np.ones(len(firsts), dtype=np.float32)
    return Example(vectors, ones, 0.5, ones / 2, order=None if order is None else np.array(order))


def test_each_example_has_the_probabilities_of_its_own_events() -> None:
    short, long = soft_predictions(ONNX, [make_example(0.5), make_example(0.25, 0.75, 0.5)])
    assert (short.window, short.events.tolist()) == (0.25, [0.25])
    assert (long.window, long.events.tolist()) == (0.375, [0.125, 0.375, 0.25])


def test_a_detector_of_lines_predicts_each_distinct_event_once() -> None:
    [prediction] = soft_predictions(ONNX, [make_example(0.25, 0.75, order=[1, 0, 1, 1, 0])])
    assert prediction.events.tolist() == [0.125, 0.375]


def test_more_examples_than_one_batch_keep_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(students, "CHUNK", 3)
    firsts = [place / 8 for place in range(8)]
    found = soft_predictions(ONNX, [make_example(*[first] * (1 + place % 3)) for place, first in enumerate(firsts)])
    assert [prediction.window for prediction in found] == [first / 2 for first in firsts]
    assert [len(prediction.events) for prediction in found] == [1, 2, 3, 1, 2, 3, 1, 2]


def test_no_example_has_no_prediction() -> None:
    assert soft_predictions(ONNX, []) == [] and window_probabilities([]).shape == (0,)


def test_the_windows_probabilities_are_one_array() -> None:
    events = np.zeros(2, dtype=np.float32)
    found = window_probabilities([SoftPrediction(0.25, events), SoftPrediction(0.75, events)])
    assert found.dtype == np.float32 and found.tolist() == [0.25, 0.75]
