from __future__ import annotations

from fusionlog.teachers.cost import FREE, Cost


def test_costs_add_up_field_by_field_and_a_difference_is_what_came_on_top() -> None:
    one, other = Cost(1, 20, 3, 4), Cost(10, 200, 30, 40)
    assert one + other == Cost(11, 220, 33, 44)
    assert one + other - one == other
    assert sum([one, other], FREE) == one + other


def test_tokens_are_those_of_prompts_and_answers() -> None:
    assert Cost(prompt_tokens=8, completion_tokens=2).tokens == 10
