"""The event clock of a partition by the times of its lines."""

from __future__ import annotations

from math import inf

from fusionlog.parsing.event_clock import CONFIRMING_LINES, STALE_LINES, EventClock


def make_clock(*times: float, idle: float = 60.0) -> EventClock:
    clock = EventClock(idle)
    for time in times:
        clock.observe(time)
    return clock


def test_it_starts_at_zero_and_never_goes_back() -> None:
    clock = make_clock(1000.0)
    assert clock.now == 0.0
    assert [clock.observe(time) for time in (1005.0, 1003.0, 1010.0)] == [5.0, 5.0, 10.0]


def test_a_quarter_of_the_idle_gap_needs_no_evidence_and_what_passed_on_the_wall_none_either() -> None:
    clock = make_clock(1000.0)
    assert clock.limit == 1015.0
    clock.allow(100.0)
    assert clock.limit == 1115.0
    clock.observe(1001.0)
    assert clock.limit == 1016.0


def test_without_an_idle_gap_no_line_is_ahead() -> None:
    assert make_clock(1000.0, idle=inf).limit == inf


def test_a_jump_is_time_that_passed() -> None:
    clock = make_clock(1000.0)
    clock.jump(8200.0)
    assert (clock.now, clock.newest) == (7200.0, 8200.0)


def test_a_first_line_that_no_other_agrees_with_gives_way_to_the_next_ones() -> None:
    clock = make_clock(9e9, *[1000.0] * CONFIRMING_LINES)
    assert (clock.now, clock.newest) == (0.0, 1000.0)


def test_the_clock_follows_late_lines_when_only_they_come_and_returns_without_a_jump() -> None:
    clock = make_clock(*[100000.0] * 10, *[5.0] * (STALE_LINES - 1))
    assert clock.newest == 100000.0
    clock.observe(5.0)
    assert clock.newest == 5.0 and clock.observe(8.0) == 3.0
    clock.jump(100020.0)
    assert clock.now == 23.0, "20 s after the last line before the late ones"
