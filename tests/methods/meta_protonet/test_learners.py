from __future__ import annotations

import numpy as np
import pytest

from fusionlog.methods.meta_protonet.learners import LEARNERS, Episode, LearnerName, Maml, predict, train
from fusionlog.types import BoolArray, FloatArray

FEATURES = 4


def windows(number: int, place: int, seed: int, turned: bool = False) -> tuple[FloatArray, BoolArray]:
    """Anomalous windows differ in one feature, up or (turned) down; which one depends on the system."""
    random = np.random.default_rng(seed)
    anomalous = np.arange(number) % 5 == 0
    found = random.normal(size=(number, FEATURES)).astype(np.float32)
    found[:, place] += (-4.0 if turned else 4.0) * anomalous
    return found, anomalous


def episode(place: int, seed: int) -> Episode:
    """A system whose labeller is sure and mostly right."""
    support, told = windows(60, place, seed)
    queries, anomalous = windows(60, place, seed + 100)
    return Episode(support, np.where(told, 0.9, 0.1).astype(np.float32), queries, anomalous)


@pytest.mark.parametrize("name", LEARNERS)
def test_a_learner_follows_the_support_of_a_system_that_it_was_not_taught(name: LearnerName) -> None:
    learner = train(name, [episode(place, place) for place in (0, 1, 2)], 200, 0)
    for place in (0, 2):
        queries, anomalous = windows(100, place, 50)
        support, told = windows(60, place, 51)
        found = predict(learner, support, np.where(told, 0.9, 0.1).astype(np.float32), queries)
        assert found[anomalous].mean() > found[~anomalous].mean() + 0.5
        turned = predict(learner, support, np.where(told, 0.1, 0.9).astype(np.float32), queries)
        assert (found - turned)[anomalous].mean() > 0, "what the labeller says of the support counts"


def test_equal_seeds_teach_the_same() -> None:
    queries, _ = windows(20, 0, 1)
    support, told = windows(20, 0, 2)
    for name in LEARNERS:
        one, other = [
            predict(train(name, [episode(0, 0)], 5, 7), support, told.astype(np.float32), queries) for _ in range(2)
        ]
        assert (one == other).all()


def test_adapting_leaves_a_learner_as_it_was() -> None:
    learner = train("maml", [episode(0, 0)], 3, 0)
    assert isinstance(learner, Maml)
    before = [each.detach().clone() for each in learner.parameters()]
    support, told = windows(20, 1, 3)
    predict(learner, support, told.astype(np.float32), support)
    assert all((one == other).all() for one, other in zip(before, learner.parameters(), strict=True))


def test_a_support_without_an_anomaly_still_gives_scores() -> None:
    learner = train("protonet", [episode(0, 0)], 20, 0)
    support, _ = windows(20, 0, 4)
    assert np.isfinite(predict(learner, support, np.full(20, 0.1, dtype=np.float32), support)).all()


def test_nothing_to_learn_from_is_said() -> None:
    with pytest.raises(ValueError, match="at least one source"):
        train("maml", [], 1, 0)
