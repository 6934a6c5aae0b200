"""Calibration: what labels say of a network's word, of surprisal and of rarity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from fusionlog.detector.calibration import calibrated_probability
from fusionlog.detector.examples import Example
from fusionlog.distillation.calibration_fit import LabelledExample, calibrate, stacked, threshold
from fusionlog.distillation.distill import examples_of
from fusionlog.novelty.profile import SystemProfile
from fusionlog.records import LogisticRegression
from tests.distillation.factories import TEXTS, OneHot, make_fit
from tests.factories import make_label, make_regression, make_window


def drawn(number: int, weights: tuple[float, float, float], seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    table = np.column_stack([random.normal(0, 2, number), random.exponential(1, (number, 2))])
    return table, 1 / (1 + np.exp(-(table @ weights - 2)))


def test_the_regression_finds_the_weights_that_made_the_labels() -> None:
    found = stacked(*drawn(2000, (1.0, 2.0, 0.5)))
    assert found == pytest.approx([1.0, 2.0, 0.5, -2.0], abs=0.1)


def test_no_weight_is_negative() -> None:
    assert (stacked(*drawn(500, (1.0, -2.0, 0.5)))[:3] >= 0).all()


def test_a_threshold_moves_only_where_the_labels_are_sure_of_it() -> None:
    anomalous, once = np.array([True] * 30 + [False] * 70), np.ones(100)
    assert threshold(np.where(anomalous, -1.0, -3.0), anomalous, once) == -1.0
    assert threshold(np.where(anomalous, 1.0, -1.0), anomalous, once) == 0.0
    assert threshold(np.linspace(-1, 1, 3), np.array([True, False, True]), once[:3]) == 0.0


def test_a_common_shape_weighs_as_often_as_it_was_seen() -> None:
    """Ten misses in the way of one false alarm: worth it, unless the false alarm comes with every other window."""
    logits = np.array([-1.0] * 20 + [-1.0] * 4 + [-3.0] * 50)
    anomalous = np.array([True] * 20 + [False] * 54)
    assert threshold(logits, anomalous, np.ones(74)) == -1.0
    logits[:5] = 1.0
    assert threshold(logits, anomalous, np.where(np.arange(74) == 20, 5000.0, 1.0)) == 0.0


def labelled(bad_ones: int) -> tuple[list[LabelledExample], SystemProfile]:
    """Windows of 1 to 40 lines of routine; in the rare ones a disk fails."""
    profile, cache, found = SystemProfile(), OneHot(), []
    for number in range(1, 41):
        texts = [*TEXTS[:2] * number, *([TEXTS[2]] if number <= bad_ones else [])]
        window, times = make_window(*texts), 1 if number <= bad_ones else 20
        label = make_label(window, 0.95 if number <= bad_ones else 0.05)
        profile.update(window, times)
        found.append(LabelledExample(label, examples_of(label, [[window] * times], cache, "set")[0], window, times))  # type: ignore[arg-type]
    return found, profile


def ignorant(jobs: Sequence[Sequence[Example]], _: object = None) -> list[bytes]:
    """Networks that were taught nothing."""
    return [make_fit()([replace(example, probability=0.5) for example in job]) for job in jobs]


def test_where_the_network_knows_nothing_rarity_tells_rare_windows_from_common_ones() -> None:
    each, profile = labelled(10)
    found = calibrate(each, profile, [], ignorant, 4)
    assert found is not None
    scores = [calibrated_probability(found, 0.5, profile.compute_features(one.window)) >= 0.5 for one in each]
    assert scores == [True] * 10 + [False] * 30


@pytest.mark.parametrize(("bad_ones", "folds"), [(2, 4), (10, 0)], ids=["too few anomalous", "switched off"])
def test_where_labels_are_too_few_there_is_none(bad_ones: int, folds: int) -> None:
    def never(*_: object) -> list[bytes]:
        raise AssertionError

    each, profile = labelled(bad_ones)
    assert calibrate(each, profile, [], never, folds) is None


def as_rare() -> tuple[list[LabelledExample], SystemProfile]:
    """Forty windows with a line that is as rare in all of them: a disk failed, or something was tried again."""
    profile, cache, found = SystemProfile(), OneHot(), []
    profile.update(make_window(*TEXTS[:2]), 1000)
    for number in range(1, 41):
        bad = number % 2 == 0
        window = make_window(*TEXTS[:2] * number, TEXTS[2 if bad else 3])
        label = make_label(window, 0.95 if bad else 0.05)
        profile.update(window)
        found.append(LabelledExample(label, examples_of(label, [[window]], cache, "set")[0], window, 1))  # type: ignore[arg-type]
    return found, profile


def test_what_the_sources_taught_of_failures_is_added_where_it_helps() -> None:
    each, profile = as_rare()
    found = calibrate(each, profile, [], ignorant, 4, make_regression(0.0, 0.0, 6.0, 1.0, -3.0))
    assert found is not None and found.failure == 6.0
    scores = [calibrated_probability(found, 0.5, profile.compute_features(one.window)) >= 0.5 for one in each]
    assert scores == [False, True] * 20


@pytest.mark.parametrize("taught", [make_regression(0.0, 0.0, 0.0, 1.0, 40.0), None], ids=["wrong", "none"])
def test_the_labels_stand_alone_where_the_sources_do_not_help(taught: LogisticRegression | None) -> None:
    each, profile = labelled(10)
    found, alone = (calibrate(each, profile, [], ignorant, 4, sources) for sources in (taught, None))
    assert found is not None and found == alone and found.failure == 0.0


def test_ten_labels_for_each_weight_are_needed() -> None:
    each, profile = labelled(10)
    assert calibrate(each[:39], profile, [], ignorant, 4) is None and calibrate(each, profile, [], ignorant, 4)
