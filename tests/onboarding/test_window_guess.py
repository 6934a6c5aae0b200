"""The idle gap and the limit of a session."""

from __future__ import annotations

from fusionlog.onboarding.window_guess import guess_idle, guess_max_events


def test_the_gap_is_generous_and_at_least_a_minute() -> None:
    assert guess_idle(["a"] * 100, [float(number) for number in range(100)]) == 60
    assert guess_idle(["a", "b"] * 100, [30.0 * number for number in range(200)]) == 300


def test_few_long_rests_do_not_keep_sessions_open_for_hours() -> None:
    keys, times = [], []
    for session in range(200):
        start = session * 10.0
        keys += [str(session)] * 21
        times += [*(start + number for number in range(20)), start + 7000.0]
    assert guess_idle(keys, times) == 600


def test_sessions_that_are_slow_throughout_get_a_long_gap() -> None:
    assert guess_idle(["a"] * 50, [900.0 * number for number in range(50)]) == 3600


def test_lines_without_times_or_without_a_second_line_have_no_gap() -> None:
    assert guess_idle(["a", "a"], [None, None]) is None
    assert guess_idle(["a", None, "b"], [1.0, 2.0, 3.0]) is None


def test_the_limit_holds_the_sessions_that_there_are() -> None:
    assert guess_max_events(["a"] * 30 + [None]) == 500
    assert guess_max_events(["a"] * 700) == 1500
    assert guess_max_events([]) == 500
