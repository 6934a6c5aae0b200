from __future__ import annotations

import numpy as np
import pytest

from fusionlog.detector.domain_generalization import fit_adversarial, fit_mldg
from fusionlog.detector.examples import Example, batch_of
from fusionlog.detector.export import to_onnx
from fusionlog.detector.fitting import by_system, model
from fusionlog.detector.network import Network
from fusionlog.detector.onnx_session import Detector
from fusionlog.detector.training import fit
from fusionlog.settings import DistillSettings
from fusionlog.types import FloatArray

DIM = 5
SETTINGS = DistillSettings(steps=5, hidden=8)


def make_example(*events: int, probability: float = 0.0, system: str = "mill") -> Example:
    """A window of one-hot events, once each."""
    ones: FloatArray = np.ones(len(events), dtype=np.float32)
    return Example(np.eye(DIM, dtype=np.float32)[list(events)], ones, probability, ones * probability, system=system)


EXAMPLES = [
    make_example(0, 1),
    make_example(0, 2, probability=1.0, system="shop"),
    make_example(1, 3, system="shop"),
    make_example(1, 2, probability=1.0),
]
TARGET = [make_example(4, system="farm")]


def predictions(onnx: bytes) -> FloatArray:
    """The probabilities of the examples' windows, and of one event that none of them has."""
    return Detector(onnx, "cpu").score(batch_of([*EXAMPLES, *TARGET]))[0]


def same(onnx: bytes, network: Network) -> bool:
    """Whether a model predicts what a network does."""
    return np.array_equal(predictions(onnx), predictions(to_onnx(network, DIM)))


def test_without_a_target_or_a_way_the_examples_are_pooled() -> None:
    assert same(model(EXAMPLES, SETTINGS), fit(EXAMPLES, SETTINGS))


def test_meta_learning_leaves_out_whole_systems() -> None:
    mill, shop = [EXAMPLES[0], EXAMPLES[3]], EXAMPLES[1:3]
    meta = model(EXAMPLES, SETTINGS, "mldg")
    assert same(meta, fit_mldg([mill, shop], SETTINGS))
    assert not same(meta, fit(EXAMPLES, SETTINGS))


@pytest.mark.parametrize("how", ["erm", "mldg"])
def test_windows_of_a_target_bring_the_domain_adversary_either_way(how: str) -> None:
    adversarial = model(EXAMPLES, SETTINGS, how, TARGET)  # type: ignore[arg-type]
    assert same(adversarial, fit_adversarial(EXAMPLES, TARGET, SETTINGS))
    assert not same(adversarial, fit(EXAMPLES, SETTINGS))


def test_the_examples_of_a_system_stay_together_in_their_order() -> None:
    assert by_system(EXAMPLES) == [[EXAMPLES[0], EXAMPLES[3]], EXAMPLES[1:3]]
    assert by_system([]) == []


@pytest.mark.parametrize(("how", "target"), [("erm", []), ("mldg", []), ("erm", TARGET)])
def test_no_example_is_refused_by_every_way_of_training(how: str, target: list[Example]) -> None:
    with pytest.raises(ValueError, match="at least one"):
        model([], SETTINGS, how, target)  # type: ignore[arg-type]
