from __future__ import annotations

import pytest

from fusionlog.novelty import frequencies as module
from fusionlog.novelty.frequencies import Frequencies


def test_rarity_is_in_orders_of_magnitude_and_nothing_is_rare_at_first() -> None:
    frequencies = Frequencies()
    assert frequencies.rarity("a") == 0.0
    for number in range(99):
        frequencies.update(["a"] if number < 9 else [])
    assert frequencies.rarity("a") == pytest.approx(1.0)
    assert frequencies.rarity("b") == pytest.approx(2.0)


def test_an_events_own_window_is_left_out() -> None:
    frequencies = Frequencies(100, {"a": 1})
    assert frequencies.rarity("a", own=1) == pytest.approx(2.0) == Frequencies(99).rarity("a")


def test_frequent_is_a_share_of_enough_windows() -> None:
    frequencies = Frequencies()
    for number in range(9):
        frequencies.update(["a"] if number % 2 else ["a", "b"])
    assert not frequencies.is_usual("a")
    frequencies.update(["a"])
    assert frequencies.is_usual("a") and frequencies.is_usual("b")
    assert not frequencies.is_frequent("b", 0.6)


def test_several_equal_windows_count_as_often() -> None:
    one, other = Frequencies(), Frequencies()
    one.update(["a"], times=3)
    for _ in range(3):
        other.update(["a"])
    assert (one.windows, one.events) == (other.windows, other.events)


def test_more_events_than_are_kept_restart_the_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_EVENTS", 3)
    frequencies = Frequencies()
    for number in range(20):
        frequencies.update([f"{number}"])
    assert frequencies.rarity("19") <= 1.0 and len(frequencies.events) <= 4
