from __future__ import annotations

from fusionlog.doubt import Allowance, doubt
from fusionlog.settings import DoubtSettings


def test_doubt_is_uncertainty_and_distance() -> None:
    assert doubt(1.0, 1.0) == doubt(0.0, 1.0) == 0.0
    assert doubt(0.5, 1.0) == doubt(1.0, 0.0) == 1.0
    assert doubt(0.5, 0.0) == 2.0


def test_an_allowance_is_spent_on_what_is_worth_it() -> None:
    allowance = Allowance(DoubtSettings(floor=0.5, stock=2, share=0.0))
    assert [allowance.spend(value) for value in (0.4, 0.5, 1.0, 2.0)] == [False, True, True, False]


def test_it_grows_with_what_comes_by_up_to_its_stock() -> None:
    allowance = Allowance(DoubtSettings(floor=0.0, stock=2, share=0.1))
    assert allowance.spend(1.0) and allowance.spend(1.0) and not allowance.spend(1.0)
    allowance.seen(10)
    assert allowance.spend(1.0) and not allowance.spend(1.0)
    allowance.seen(1000)
    assert allowance.left == 2.0


def test_nothing_is_allowed_where_it_is_switched_off() -> None:
    allowance = Allowance(DoubtSettings(stock=0, share=0.0))
    allowance.seen(10_000)
    assert not allowance.spend(2.0)
