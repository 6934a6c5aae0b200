from __future__ import annotations

import numpy as np
import pytest

from fusionlog.labeling.formula import Evidence, Formula, Observed, fit


def make_stretch(windows: int = 200, share: float = 0.1, seed: int = 0, told: float = 3.0) -> Observed:
    """Anomalous windows surprise by `told` more than the others do; nothing else tells them apart."""
    random = np.random.default_rng(seed)
    anomalous = np.arange(windows) < share * windows
    evidence = np.abs(random.normal(size=(windows, 4)))
    evidence[:, 0] += told * anomalous
    evidence[:, 3] = 0.0
    return Observed(evidence, anomalous)


def said(formula: Formula, stretch: Observed) -> np.ndarray:
    return np.array([formula.probability(Evidence(*row)) >= 0.5 for row in stretch.evidence])


def test_what_tells_the_sources_anomalies_apart_is_weighed_most_and_half_is_where_it_does() -> None:
    formula = fit([make_stretch(seed=0), make_stretch(seed=1)])
    assert formula is not None and formula.weights[0] > 2 * max(formula.weights[1:3])
    unseen = make_stretch(seed=2)
    assert (said(formula, unseen) == unseen.anomalous).mean() > 0.95


def test_no_weight_is_negative_though_the_sources_say_so() -> None:
    turned = make_stretch(told=-1.5)
    formula = fit([Observed(np.abs(turned.evidence), turned.anomalous)])
    assert formula is not None and min(formula.weights) >= 0.0


def test_what_the_sources_say_nothing_of_keeps_its_prior_weight() -> None:
    formula = fit([make_stretch()])
    assert formula is not None and formula.weights[3] == pytest.approx(1.0)


def test_a_source_of_many_anomalies_does_not_teach_to_expect_as_many() -> None:
    few, many = [fit([make_stretch(2_000, share)]) for share in (0.1, 0.4)]
    assert few is not None and many is not None
    assert many.bias == pytest.approx(few.bias, abs=1.0)
    unseen = make_stretch(2_000, 0.05, seed=3)
    assert said(many, unseen).mean() < 0.1


def test_sources_without_both_kinds_teach_nothing() -> None:
    assert fit([]) is None
    assert fit([Observed.of([Evidence(1.0), Evidence(2.0)], [False, False])]) is None


def test_it_travels_among_the_metrics_of_a_release() -> None:
    formula = Formula((1.0, 0.5, 0.25, 2.0), -3.0)
    assert Formula.of_metrics({"source_auprc": 0.5, **formula.metrics()}) == formula
    assert Formula.of_metrics({"source_auprc": 0.5}) is None
