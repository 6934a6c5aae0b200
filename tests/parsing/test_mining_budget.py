from fusionlog.parsing.mining_budget import MiningBudget


def test_a_budget_is_full_at_first_and_grows_with_the_lines() -> None:
    budget = MiningBudget(10, 2)
    assert budget.spend(10, 1)
    assert not budget.spend(1, 1), "it is spent"
    assert budget.spend(4, 3) and not budget.spend(1, 3)
    assert budget.spend(10, 1000) and not budget.spend(1, 1000), "it is never more than full"


def test_what_is_refused_costs_nothing() -> None:
    budget = MiningBudget(10, 0)
    assert not budget.spend(11, 5)
    assert budget.spend(10, 5)
