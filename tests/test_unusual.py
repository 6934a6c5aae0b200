from __future__ import annotations

import pytest

from fusionlog.habits import Habits
from fusionlog.unusual import beyond_chance, in_company, unusual
from tests.factories import make_window

STEPS = [f"step {name}" for name in "abcdefghij"]


def habits() -> Habits:
    found = Habits()
    found.see(make_window("opened", "closed"), 999)
    return found


def test_a_window_is_as_unusual_as_its_rarest_event() -> None:
    found = unusual(make_window(*STEPS, "opened"), habits())
    assert found.rarity == pytest.approx(3.0) and found.failure == 0.0
    assert unusual(make_window(*STEPS, "disk failed"), habits()).failure == pytest.approx(3.0)


def test_a_failure_in_half_of_the_windows_is_routine() -> None:
    found = habits()
    found.see(make_window("opened", "disk failed"), 2000)
    assert unusual(make_window("disk failed"), found).failure == 0.0


def test_of_many_events_one_is_sooner_rare() -> None:
    [alone] = in_company([3.0], [False])
    assert alone == (3.0, 0.0)
    assert in_company([3.0] * 10, [False] * 10)[0].rarity == pytest.approx(2.0)


def test_a_failure_counts_by_what_it_is_rarer_than_the_things_around_it() -> None:
    assert in_company([0.0, 3.0], [False, True])[1].failure == pytest.approx(3.0)
    assert in_company([3.0, 3.0], [False, True])[1].failure == 0.0
    assert in_company([], []) == []


def test_a_surprise_is_less_the_more_habits_there_are_to_break() -> None:
    assert [beyond_chance(2.0, events) for events in (0, 1, 100)] == [2.0, 2.0, 1.0]
    assert beyond_chance(0.5, 100) == 0.0
