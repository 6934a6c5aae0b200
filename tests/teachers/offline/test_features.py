from __future__ import annotations

from math import log

import pytest

from fusionlog.novelty.features import NoveltyFeatures
from fusionlog.teachers.offline.features import PRIOR, Features, logit, probability
from tests.factories import make_regression


def test_a_logit_is_the_intercept_and_each_feature_by_the_weight_of_its_name() -> None:
    model = make_regression(surprisal=1.0, rarity=10.0, failure=100.0, transferred=1000.0, intercept=-3.0)
    assert logit(model, Features()) == -3.0
    assert logit(model, Features(surprisal=1.0, rarity=2.0, failure=3.0, transferred=4.0)) == 4321.0 - 3.0


def test_a_probability_is_its_logits_and_never_overflows() -> None:
    model = make_regression(surprisal=1.0, intercept=0.0)
    assert probability(model, Features(surprisal=log(3))) == pytest.approx(0.75)
    assert probability(model, Features(surprisal=1e6)) == pytest.approx(1.0)


def test_without_sources_three_orders_of_magnitude_are_even() -> None:
    assert probability(PRIOR, Features(surprisal=1.0, rarity=1.0, failure=1.0)) == 0.5


def test_what_is_counted_transfers_nothing() -> None:
    assert Features.counted(NoveltyFeatures(1.0, 2.0, 3.0)).values == (1.0, 2.0, 3.0, 0.0)
