from __future__ import annotations

import pytest

from fusionlog.labeling import shares as module
from fusionlog.labeling.shares import Shares


def test_rarity_is_in_orders_of_magnitude_and_nothing_is_rare_at_first() -> None:
    shares = Shares()
    assert shares.rarity("shop", "a") == 0.0
    for number in range(99):
        shares.see("shop", ["a"] if number < 9 else [])
    assert shares.rarity("shop", "a") == pytest.approx(1.0)
    assert shares.rarity("shop", "b") == pytest.approx(2.0)
    assert shares.rarity("mill", "b") == 0.0


def test_common_is_a_share_of_enough_windows() -> None:
    shares = Shares()
    for number in range(9):
        shares.see("shop", ["a"] if number % 2 else ["a", "b"])
    assert not shares.usual("shop", "a")
    shares.see("shop", ["a"])
    assert shares.usual("shop", "a") and shares.usual("shop", "b")
    assert not shares.common("shop", "b", 0.6)


def test_more_events_than_can_be_remembered_are_counted_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 3)
    shares = Shares()
    for number in range(20):
        shares.see("shop", [f"{number}"])
    assert shares.rarity("shop", "19") <= 1.0


def test_what_another_one_counted_takes_the_place_of_a_systems_own() -> None:
    shares = Shares()
    for system in ("shop", "mill"):
        shares.see(system, ["a"])
    shares.become("shop", 99, {"b": 9})
    assert shares.rarity("shop", "b") == pytest.approx(1.0) and shares.rarity("shop", "a") == pytest.approx(2.0)
    assert shares.rarity("mill", "a") == 0.0
