from __future__ import annotations

import pytest

from fusionlog.errors import TeacherError
from fusionlog.teachers.llm.budget import Budget
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


def test_calls_that_were_made_before_count_until_they_are_an_hour_old() -> None:
    clock = Clock()
    budget = Budget(2, clock, setting="FUSIONLOG_X")
    budget.charge(1, 7200)
    assert (budget.left, budget.wait) == (2, 0.0)
    budget.spend()
    budget.charge(3, 600)
    assert budget.left == -2
    with pytest.raises(TeacherError, match="raise FUSIONLOG_X") as caught:
        budget.spend()
    assert caught.value.retry_after == 3000
    clock.now += 3000
    assert budget.left == 1
    budget.refund(9)
    assert budget.left == 2
