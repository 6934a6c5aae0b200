"""Offline verdicts depend on the windows and their order, not on how they come."""

from __future__ import annotations

import random
from itertools import accumulate, pairwise

import pytest

from fusionlog.records import Window
from fusionlog.teachers.offline.in_order import OrderedVerdict, VerdictsInOrder
from fusionlog.teachers.offline.teacher import OfflineTeacher
from tests.encoders import WordEncoder
from tests.factories import make_regression, make_window

LEARNING = 50


def stream(count: int = 120) -> list[Window]:
    """Windows of three usual kinds, and unusual ones early and late."""
    usual = (("opened", "checked", "closed"), ("opened", "closed"), ("opened", "retried", "closed"))
    windows = [make_window(*usual[place % 3], id=f"w{place:03}") for place in range(count)]
    for place in (each for each in (3, 40, 90) if each < count):
        windows[place] = make_window("opened", "disk failed", id=f"w{place:03}")
    return windows


def ordered() -> VerdictsInOrder:
    return VerdictsInOrder(OfflineTeacher([], WordEncoder(), make_regression(1.5, 1.0, 1.0, 1.0, -2.5)), LEARNING)


def finals(taken: list[OrderedVerdict]) -> dict[str, float]:
    return {each.window.id: each.verdict.probability for each in taken if not each.provisional}


def run(batches: list[list[Window]]) -> dict[str, float]:
    verdicts = ordered()
    taken = [each for batch in batches for each in verdicts.take(batch)]
    return finals([*taken, *verdicts.finish("shop")])


def test_twelve_ways_to_batch_windows_give_the_same_verdicts() -> None:
    windows, random_ = stream(), random.Random(7)
    expected = run([windows])
    assert set(expected) == {window.id for window in windows}
    for longest in (1, 2, 3, 5, 7, 11, 20, 49, 50, 51, 119):
        cuts = accumulate((random_.randint(1, longest) for _ in windows), initial=0)
        batches = [windows[start:stop] for start, stop in pairwise(cuts) if windows[start:stop]]
        assert run(batches) == expected, longest


def test_a_window_of_the_learning_phase_gets_a_final_verdict_when_it_ends() -> None:
    verdicts, windows = ordered(), stream()
    early = list(verdicts.take(windows[: LEARNING - 1]))
    assert all(each.provisional for each in early)
    assert verdicts.learned("shop") == LEARNING - 1
    last, *again = verdicts.take(windows[LEARNING - 1 : LEARNING])
    assert last.provisional
    assert [each.window.id for each in again] == [window.id for window in windows[:LEARNING]]
    assert not any(each.provisional for each in again) and all(each.again for each in again)
    assert [each.window.provisional for each in again] == [each.verdict.probability for each in (*early, last)]
    assert not any(each.provisional for each in verdicts.take(windows[LEARNING:]))
    assert list(verdicts.finish("shop")) == []


@pytest.mark.parametrize("before", [0, 7, LEARNING - 1, LEARNING, 80])
def test_windows_that_are_only_counted_change_no_later_verdict(before: int) -> None:
    windows, whole, restarted = stream(), ordered(), ordered()
    expected = [each for each in whole.take(windows) if each.again or each.window.id >= f"w{before:03}"]
    restarted.count(windows[:before])
    found = list(restarted.take(windows[before:]))
    assert found == [each for each in expected if not each.again or before < LEARNING]


def test_a_window_that_is_not_counted_has_the_verdict_of_the_moment() -> None:
    verdicts, odd = ordered(), make_window("opened", "disk failed", id="odd")
    verdicts.count(stream())
    assert verdicts.at_present(odd) == verdicts.at_present(odd)
    assert verdicts.at_present(odd).verdict.probability > 0.5 and verdicts.teacher.counted("shop") == 120


def test_the_first_window_is_anomalous_once_enough_is_known() -> None:
    windows = stream()
    found = run([windows])
    assert found["w003"] > max(found["w000"], found["w001"])


def test_a_stream_that_ends_early_gets_final_verdicts_at_its_end() -> None:
    verdicts, windows = ordered(), stream(20)
    assert len(list(verdicts.take(windows))) == len(windows)
    assert [each.window.id for each in verdicts.finish("shop")] == [window.id for window in windows]
    assert verdicts.learned("shop") == 20


@pytest.mark.parametrize("system", ["shop", "bank"])
def test_systems_are_learned_each_by_itself(system: str) -> None:
    verdicts = ordered()
    list(verdicts.take([make_window("opened", system=system)]))
    assert [verdicts.learned(each) for each in ("shop", "bank")] == [int(system == "shop"), int(system == "bank")]
