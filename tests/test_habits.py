from __future__ import annotations

from math import log10

import pytest

from fusionlog.habits import LEAST_WINDOWS, MAX_EVENTS, Habits
from fusionlog.records import Window, template_id
from tests.factories import make_window

ORDER = make_window("begin", "pay", "commit")


def used_to(window: Window, times: int = 99) -> Habits:
    habits = Habits()
    habits.see(window, times)
    return habits


def test_the_usual_surprises_nobody() -> None:
    assert used_to(ORDER).surprise(ORDER) == 0.0


def test_nothing_is_known_at_first() -> None:
    assert Habits().surprise(ORDER) == 0.0
    assert used_to(ORDER, LEAST_WINDOWS - 1).surprise(make_window("begin")) == 0.0


@pytest.mark.parametrize(
    "lines",
    [("begin", "commit"), ("begin", "pay", "pay", "commit"), ("begin", "pay")],
    ids=["a step is missing", "a step is repeated", "the end is missing"],
)
def test_a_broken_habit_surprises_by_how_firm_it_was(lines: tuple[str, ...]) -> None:
    assert used_to(ORDER).surprise(make_window(*lines)) == pytest.approx(log10(100))
    assert used_to(ORDER, 9_999).surprise(make_window(*lines)) == pytest.approx(4.0)


def test_two_that_never_meet_surprise_together() -> None:
    habits = used_to(make_window("buy"), 50)
    habits.see(make_window("refund"), 50)
    assert habits.surprise(make_window("buy", "refund")) > 1.0
    assert habits.surprise(make_window("buy")) < 0.4


def test_what_comes_often_is_usual_by_then() -> None:
    habits, twice = used_to(ORDER), make_window("begin", "pay", "pay", "commit")
    before = habits.surprise(twice)
    habits.see(twice, 20)
    assert habits.surprise(twice) < before / 2


def test_a_window_seen_several_times_counts_as_often() -> None:
    one, other = used_to(ORDER, 30), Habits()
    for _ in range(30):
        other.see(ORDER)
    assert one.surprise(make_window("begin")) == other.surprise(make_window("begin"))


def test_a_window_of_very_many_events_is_not_counted() -> None:
    habits = Habits()
    habits.see(make_window(*(f"event {number}" for number in range(MAX_EVENTS + 1))))
    assert habits.windows == 0


def test_a_consequence_is_the_fall_of_a_usual_step_beside_an_event() -> None:
    habits = Habits()
    habits.see(make_window("opened", "closed"), 60)
    habits.see(make_window("opened", "failed"), 40)
    habits.see(make_window("opened", "retried", "closed"), 40)
    assert habits.consequence(template_id("failed")) > 0.9
    assert habits.consequence(template_id("retried")) == 0.0
    assert habits.consequence(template_id("unheard")) == 0.0
