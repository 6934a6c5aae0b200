from __future__ import annotations

import numpy as np
import pytest

from fusionlog.decision import is_anomalous
from fusionlog.distillation.offline_fit import Stretch, best_threshold, f1, fit
from fusionlog.records import LogisticRegression
from fusionlog.teachers.offline.features import Features, probability


def make_stretch(windows: int = 200, share: float = 0.1, seed: int = 0, apart: float = 3.0) -> Stretch:
    """Anomalous windows have more surprisal by `apart` than the others; nothing else tells them apart."""
    random = np.random.default_rng(seed)
    anomalous = np.arange(windows) < share * windows
    features = np.abs(random.normal(size=(windows, 4)))
    features[:, 0] += apart * anomalous
    features[:, 3] = 0.0
    return Stretch(features, anomalous)


def called(model: LogisticRegression, stretch: Stretch) -> np.ndarray:
    return np.array([is_anomalous(probability(model, Features(*row))) for row in stretch.features])


def test_the_feature_that_tells_anomalies_apart_weighs_most_and_half_is_the_threshold() -> None:
    model = fit([make_stretch(seed=0), make_stretch(seed=1)])
    assert model is not None and model.surprisal > 2 * max(model.rarity, model.failure)
    unseen = make_stretch(seed=2)
    assert (called(model, unseen) == unseen.anomalous).mean() > 0.95


def test_no_weight_is_negative_though_the_sources_say_so() -> None:
    turned = make_stretch(apart=-1.5)
    model = fit([Stretch(np.abs(turned.features), turned.anomalous)])
    assert model is not None and min(model.surprisal, model.rarity, model.failure, model.transferred) >= 0.0


def test_a_feature_of_which_the_sources_tell_nothing_keeps_its_prior_weight() -> None:
    model = fit([make_stretch()])
    assert model is not None and model.transferred == pytest.approx(1.0)


def test_a_source_of_many_anomalies_does_not_teach_to_expect_as_many() -> None:
    few, many = [fit([make_stretch(2_000, share)]) for share in (0.1, 0.4)]
    assert few is not None and many is not None
    assert many.intercept == pytest.approx(few.intercept, abs=1.0)
    unseen = make_stretch(2_000, 0.05, seed=3)
    assert called(many, unseen).mean() < 0.1


def test_sources_without_both_kinds_teach_nothing() -> None:
    assert fit([]) is None
    assert fit([Stretch.of([Features(1.0), Features(2.0)], [False, False])]) is None


def test_f1_counts_windows_by_their_mass() -> None:
    called, anomalous = np.array([True, True, False]), np.array([True, False, True])
    assert f1(called, anomalous, np.array([1.0, 1.0, 1.0])) == pytest.approx(0.5)
    assert f1(called, anomalous, np.array([3.0, 0.0, 0.0])) == 1.0


def test_the_best_threshold_lies_between_the_kinds() -> None:
    stretch = Stretch(np.zeros((4, 4)), np.array([False, False, True, True]))
    assert 2.0 < best_threshold([stretch], [np.array([1.0, 2.0, 5.0, 6.0])]) <= 5.0
