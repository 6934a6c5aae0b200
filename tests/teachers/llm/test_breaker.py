from __future__ import annotations

import pytest

from fusionlog.errors import TeacherError
from fusionlog.teachers.llm.breaker import Breaker
from tests.teachers.factories import Clock


def opened(clock: Clock) -> Breaker:
    breaker = Breaker(failures=3, seconds=30, clock=clock)
    for _ in range(3):
        breaker.check()
        breaker.failed("it answers 500")
    return breaker


def test_it_opens_after_failures_in_a_row_and_says_why_and_when() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 10
    with pytest.raises(TeacherError, match="it answers 500") as caught:
        breaker.check()
    assert caught.value.retry_after == 20


def test_a_success_between_failures_keeps_it_closed() -> None:
    breaker = Breaker(failures=2, seconds=30, clock=Clock())
    for _ in range(5):
        breaker.failed("no")
        breaker.succeeded()
    breaker.check()


def test_half_open_lets_one_call_through_whose_success_closes_it() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 30
    breaker.check()
    with pytest.raises(TeacherError):
        breaker.check()
    breaker.succeeded()
    breaker.check()
    breaker.check()


def test_half_open_a_single_failure_opens_it_again() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 30
    breaker.check()
    breaker.failed("still")
    with pytest.raises(TeacherError, match="still"):
        breaker.check()


def test_a_trial_that_was_never_sent_is_not_the_last() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 30
    breaker.check()
    breaker.left()
    breaker.check()
