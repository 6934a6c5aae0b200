import numpy as np
import pytest

from fusionlog.detector.examples import Example
from fusionlog.distillation import rounds
from fusionlog.distillation.rounds import TrainingSet, distil, fuse, teacher_weight
from fusionlog.distillation.students import SoftPrediction


def make_example(probability, weight=1.0):
    one = np.ones((1, 2), dtype=np.float32)
    return Example(one, one[0, :1], probability, np.array([probability], dtype=np.float32), weight)


def test_the_teacher_speaks_alone_first_and_half_at_last():
    assert [teacher_weight(number, 3) for number in range(3)] == [1.0, 0.75, 0.5]
    assert teacher_weight(0, 1) == 1.0


def test_fusion_is_a_weighted_mean_of_windows_and_events():
    fused = fuse(make_example(1.0), SoftPrediction(0.0, np.array([0.5], dtype=np.float32)), 0.75)
    assert fused.probability == pytest.approx(0.75)
    assert fused.event_probabilities == pytest.approx([0.875])


def test_rounds_refit_on_all_labels_and_the_sure_windows_join_later(monkeypatch):
    said = {1.0: 0.2, 0.5: 0.99}
    monkeypatch.setattr(
        rounds,
        "soft_predictions",
        lambda onnx, examples: [
            SoftPrediction(said[e.probability], np.array([0.2], dtype=np.float32)) for e in examples
        ],
    )
    fits = []

    def fit(examples):
        fits.append([(round(e.probability, 2), round(e.weight, 2)) for e in examples])
        return b"model"

    training_set = TrainingSet([make_example(1.0)], [make_example(0.5)], [make_example(0.0, weight=0.25)])
    assert distil(training_set, fit, rounds=2) == b"model"
    assert [probability for probability, _ in fits[0]] == [1.0, 0.0]
    assert [probability for probability, _ in fits[1]] == [0.6, 0.99, 0.0]
    assert sum(weight for _, weight in fits[1]) == pytest.approx(1.0, abs=0.02)
