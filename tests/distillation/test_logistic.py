from __future__ import annotations

import numpy as np
import pytest

from fusionlog.distillation.logistic import fit_logistic


def drawn(weights: tuple[float, float], number: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    features = np.random.default_rng(1).normal(0, 2, (number, 2))
    return features, 1 / (1 + np.exp(-(features @ weights - 2)))


def test_it_finds_the_weights_that_made_the_labels() -> None:
    features, labels = drawn((1.0, 2.0))
    weights, intercept = fit_logistic(features, labels, np.ones(len(labels)), np.zeros(2), 0.0)
    assert [*weights, intercept] == pytest.approx([1.0, 2.0, -2.0], abs=1e-3)


def test_no_weight_is_negative() -> None:
    features, labels = drawn((1.0, -2.0))
    weights, _ = fit_logistic(features, labels, np.ones(len(labels)), np.zeros(2), 0.0)
    assert weights[1] == 0.0 < weights[0]


def test_a_feature_without_information_keeps_its_prior_weight() -> None:
    features, labels = drawn((1.0, 2.0))
    features[:, 1] = 0.0
    assert fit_logistic(features, labels, np.ones(len(labels)), np.array([0.0, 0.7]), 1e-3).weights[1] == 0.7


def test_mass_is_how_often_a_row_counts() -> None:
    features, labels = drawn((1.0, 2.0), 50)
    once = fit_logistic(
        np.vstack([features, features[:5]]), np.append(labels, labels[:5]), np.ones(55), np.ones(2), 1.0
    )
    mass = np.where(np.arange(50) < 5, 2.0, 1.0)
    weighted = fit_logistic(features, labels, mass, np.ones(2), 1.0)
    assert [*once.weights, once.intercept] == pytest.approx([*weighted.weights, weighted.intercept], abs=1e-4)
