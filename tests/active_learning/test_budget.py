from __future__ import annotations

import pytest

from fusionlog.active_learning.budget import FIRST_THRESHOLD, QuantileBudget
from fusionlog.settings import SecondOpinionSettings


def test_the_threshold_settles_where_the_share_lies_above_it() -> None:
    budget = QuantileBudget(SecondOpinionSettings(share=0.1, min_score=0.0))
    scores = [(number * 37 % 100) / 100 for number in range(5000)]
    queried = [score for score in scores if budget.query(score)]
    assert len(queried) / len(scores) == pytest.approx(0.1, abs=0.02)
    assert min(queried[50:]) > 0.7


def test_low_scores_are_never_queried() -> None:
    budget = QuantileBudget(SecondOpinionSettings(share=0.1, min_score=0.5))
    assert not any(budget.query(0.49) for _ in range(1000))
    assert budget.threshold == 0.5


def test_a_share_of_nothing_queries_nothing() -> None:
    budget = QuantileBudget(SecondOpinionSettings(share=0.0))
    assert not budget.query(3.0) and budget.threshold == FIRST_THRESHOLD
