from __future__ import annotations

import asyncio

import pytest

from fusionlog.errors import TeacherError
from fusionlog.teachers.llm.budget import Budget, Charge, LimitedBudget
from fusionlog.teachers.llm.usage import Usage
from tests.teachers.factories import Clock


def test_the_window_slides_call_by_call() -> None:
    clock = Clock()
    budget = Budget(2, clock)
    budget.spend()
    clock.now += 600
    budget.spend()
    clock.now += 60
    with pytest.raises(TeacherError) as caught:
        budget.spend()
    assert caught.value.retry_after == 3600 - 660
    clock.now += 3600 - 660
    assert budget.left == 1
    budget.spend()
    assert budget.left == 0


async def test_refunded_calls_may_be_made_again() -> None:
    budget = Budget(2, Clock(), setting="FUSIONLOG_X")
    for _ in range(2):
        await budget.take(Usage())
    with pytest.raises(TeacherError, match="raise FUSIONLOG_X"):
        await budget.take(Usage())
    await budget.refund(9)
    assert (budget.left, budget.wait) == (2, 0.0)


async def test_a_limited_budget_takes_from_the_other_and_no_more_than_its_number() -> None:
    budget = Budget(3, Clock())
    limited = LimitedBudget(budget, 2)
    assert (limited.left, limited.wait) == (2, 0.0)
    for _ in range(2):
        await limited.take(Usage())
    with pytest.raises(TeacherError, match="the 2 requests that were allowed are spent"):
        await limited.take(Usage())
    assert (budget.left, limited.left) == (1, 0) and limited.wait > 0


async def test_a_limited_budget_has_no_more_than_the_other() -> None:
    budget = Budget(1, Clock(), setting="FUSIONLOG_X")
    limited = LimitedBudget(budget, 12)
    await limited.take(Usage())
    with pytest.raises(TeacherError, match="raise FUSIONLOG_X"):
        await limited.take(Usage())
    await limited.refund(1)
    assert (limited.left, budget.left) == (1, 1)


class Slow(Budget):
    """A budget whose calls take a moment."""

    async def take(self, most: Usage) -> Charge:
        await asyncio.sleep(0)
        return await super().take(most)


async def test_a_limit_holds_for_calls_that_are_taken_at_once() -> None:
    limited = LimitedBudget(Slow(100, Clock()), 3)
    found = await asyncio.gather(*(limited.take(Usage()) for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(each, TeacherError) for each in found) == 5


async def test_a_call_that_the_other_budget_refuses_is_none_of_the_limited_number() -> None:
    budget = Slow(1, Clock())
    budget.spend()
    limited = LimitedBudget(budget, 1)
    with pytest.raises(TeacherError):
        await limited.take(Usage())
    budget.calls = 2
    await limited.take(Usage())
