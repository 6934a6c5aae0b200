from __future__ import annotations

import pytest

from fusionlog.novelty.features import corrected_surprisal, event_features, novelty_features


def test_a_window_is_as_unusual_as_its_rarest_event_and_its_rarest_failure() -> None:
    assert novelty_features(1.0, [0.0, 3.0], ["opened", "closed"])[:3] == (1.0, 3.0, 0.0)
    assert novelty_features(1.0, [3.0, 2.0], ["opened", "disk failed"])[:3] == (1.0, 3.0, 2.0)
    assert novelty_features(0.0, [], [])[:3] == (0.0, 0.0, 0.0)


def test_a_failure_in_half_of_the_windows_is_routine() -> None:
    assert novelty_features(0.0, [0.3], ["disk failed"]).failure == 0.0
    assert novelty_features(0.0, [0.31], ["disk failed"]).failure == 0.31


def test_of_many_events_one_is_sooner_rare() -> None:
    [alone] = event_features([3.0], [False])
    assert alone == (3.0, 0.0)
    assert event_features([3.0] * 10, [False] * 10)[0].rarity == pytest.approx(2.0)


def test_a_failure_counts_by_its_rarity_above_that_of_the_other_events() -> None:
    assert event_features([0.0, 3.0], [False, True])[1].failure == pytest.approx(3.0)
    assert event_features([3.0, 3.0], [False, True])[1].failure == 0.0
    assert event_features([], []) == []


def test_surprisal_is_less_the_more_comparisons_there_are() -> None:
    assert [corrected_surprisal(2.0, events) for events in (0, 1, 100)] == [2.0, 2.0, 1.0]
    assert corrected_surprisal(0.5, 100) == 0.0
