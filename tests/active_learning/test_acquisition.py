from __future__ import annotations

from fusionlog.active_learning.acquisition import acquisition_score


def test_a_certain_verdict_on_a_labelled_window_scores_nothing() -> None:
    assert acquisition_score(1.0, 1.0, 0.0) == acquisition_score(0.0, 1.0, 0.0) == 0.0


def test_uncertainty_novelty_and_surprisal_count_alike() -> None:
    scores = [acquisition_score(0.5, 1.0, 0.0), acquisition_score(1.0, 0.0, 0.0), acquisition_score(0.0, 1.0, 2.0)]
    assert scores == [1.0, 1.0, 1.0]
