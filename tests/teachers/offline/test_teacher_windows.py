"""The offline labeller with a regression: what it saw of a system decides, not words alone."""

from __future__ import annotations

from collections.abc import Sequence
from math import log10

import pytest

from fusionlog.novelty.profile import SystemProfile
from fusionlog.records import LogisticRegression, Window
from fusionlog.settings import SystemSettings
from fusionlog.teachers.base import StreamTeacher, Verdict, ask
from fusionlog.teachers.offline.features import Features
from fusionlog.teachers.offline.teacher import ROUTINE, STOPPED, OfflineTeacher
from tests.encoders import WordEncoder
from tests.factories import make_regression, make_window

FORMULA = make_regression(1.5, 1.0, 1.0, 1.0, -2.5)
USUAL = ("connection opened", "disk full", "connection closed")


def windows(*texts: str, number: int = 1) -> list[Window]:
    return [make_window(*texts, session=f"s{place}", first_offset=place) for place in range(number)]


async def judge(seen: Sequence[Window], window: Window, regression: LogisticRegression | None = FORMULA) -> Verdict:
    teacher = OfflineTeacher([], WordEncoder(), regression)
    assert isinstance(teacher, StreamTeacher)
    teacher.count(seen)
    [said] = await ask(teacher, [window], SystemSettings())
    assert isinstance(said, Verdict)
    return said


def mixed(number: int = 100) -> list[Window]:
    """Many shapes, none of them routine by itself."""
    return [make_window(*USUAL[:1] * (1 + place % 30), *USUAL[1:], session=f"s{place}") for place in range(number)]


async def test_a_rare_failure_is_an_anomaly_and_its_event_is_blamed() -> None:
    said = await judge(mixed(), make_window(*USUAL, "disk failed"))
    assert said.probability > 0.5
    *usual, failed = [event.probability for event in said.events]
    assert failed > 0.5 > max(usual)
    assert "a failure of one window in 101" in said.reason


async def test_the_same_window_is_none_where_such_failures_are_the_daily_round() -> None:
    seen = [make_window(*USUAL, f"x{'y' * place}", "disk failed", session=f"s{place}") for place in range(100)]
    assert (await judge(seen, make_window(*USUAL, "disk failed"))).probability < 0.5


async def test_a_missing_step_is_an_anomaly_without_any_word_of_it() -> None:
    said = await judge(mixed(), make_window(*USUAL[:2]))
    assert said.probability > 0.5 and "a habit broken" in said.reason


async def test_nothing_is_an_anomaly_before_anything_was_seen() -> None:
    assert (await judge([], make_window("disk failed"))).probability < 0.5


def looked_at(seen: Sequence[Window], *texts: str) -> Features:
    teacher = OfflineTeacher([], WordEncoder(), FORMULA)
    teacher.count(seen)
    [found] = teacher.features([make_window(*texts)])
    return found


def test_a_failure_amid_seldom_work_is_less_of_one_than_amid_the_daily_round() -> None:
    seen, seldom = mixed(), ("backup opened", "backup written", "backup closed")
    amid_daily, amid_seldom = [looked_at(seen, *texts, "disk failed").failure for texts in (USUAL, seldom)]
    assert amid_daily > 1.9 and amid_seldom == 0.0


def test_one_rare_event_among_many_is_sooner_met_by_chance() -> None:
    alone, among = (
        looked_at(mixed(), "moon seen"),
        looked_at(mixed(), *USUAL, *(f"user {'x' * n}" for n in range(1, 8))),
    )
    assert alone.rarity - among.rarity == pytest.approx(1.0), "ten of them"


def test_a_broken_habit_of_a_long_window_surprises_less() -> None:
    seen = [make_window(*USUAL, *(f"user {'x' * n}" for n in range(1, 14)), session=f"s{place}") for place in range(99)]
    without_last = [make_window(*USUAL[:2]), make_window(*USUAL[:2], *(f"user {'x' * n}" for n in range(1, 7)))]
    teacher = OfflineTeacher([], WordEncoder(), FORMULA)
    teacher.count(seen)
    short, long = teacher.features(without_last)
    assert short.surprisal - long.surprisal == pytest.approx(log10(8 / 2) / 2)


async def test_what_a_system_makes_again_and_again_is_routine() -> None:
    odd = make_window("connection opened", "disk failed")
    rare, routine = [
        await judge([*mixed(), *windows("connection opened", "disk failed", number=n)], odd) for n in (0, 8)
    ]
    assert rare.probability > 0.5 >= ROUTINE >= routine.probability


async def test_a_common_failure_counts_where_usual_steps_are_missing_beside_it_and_only_there() -> None:
    stopped = windows("connection opened", "disk failed", number=40)
    retried = windows("connection opened", "disk failed", *USUAL[1:], number=40)
    for seen, window, bad in ((stopped, stopped[0], True), (retried, retried[0], False)):
        said = await judge([*mixed(), *seen], window)
        assert (said.probability >= STOPPED, "usual steps missing" in said.reason) == (bad, bad)


async def test_without_a_formula_words_alone_speak() -> None:
    said = await judge(mixed(), make_window(*USUAL, "disk failed"), regression=None)
    assert said.reason == "unknown event that reports a failure"


async def test_a_window_that_was_seen_itself_is_judged_by_the_others() -> None:
    odd, teacher = make_window(*USUAL, "disk failed"), OfflineTeacher([], WordEncoder(), FORMULA)
    teacher.count(mixed())
    [before] = await teacher.label_windows([odd])
    teacher.count([odd])
    [by_all], [by_others] = [await teacher.label_windows([odd], own=own) for own in (False, True)]
    assert by_others == before != by_all


async def test_a_lent_profile_is_used_until_more_windows_than_it_has_were_counted() -> None:
    odd, profile = make_window(*USUAL, "disk failed"), SystemProfile()
    for window in mixed():
        profile.update(window)
    teacher = OfflineTeacher([], WordEncoder(), FORMULA)
    teacher.count(mixed(5))
    alone = teacher.verdict(odd)
    teacher.lend(odd.system, SystemProfile.unpack(profile.pack()))
    by_profile = teacher.verdict(odd)
    assert alone.probability < 0.5 < by_profile.probability and teacher.counted(odd.system) == 100
    teacher.count(mixed(94))
    assert teacher.verdict(odd) == by_profile, "nothing is counted into it"
    teacher.count(mixed(1))
    assert teacher.verdict(odd).probability > 0.5 and teacher.profile(odd.system).windows == 100
    teacher.count(mixed(1))
    assert teacher.counted(odd.system) == 101


def test_a_profile_that_is_taken_back_is_not_used_any_more() -> None:
    odd, profile, teacher = make_window(*USUAL), SystemProfile(), OfflineTeacher([], WordEncoder(), FORMULA)
    profile.update(odd, 20)
    before = teacher.verdict(odd)
    teacher.lend(odd.system, profile)
    teacher.lend(odd.system, None)
    assert teacher.verdict(odd) == before and teacher.counted(odd.system) == 0
