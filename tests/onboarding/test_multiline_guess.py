"""First lines of messages of several lines."""

from __future__ import annotations

import re

from fusionlog.onboarding.multiline_guess import guess_multiline

DATED = [f"2026-03-04 10:11:{second:02} INFO order taken" for second in range(40)]


def test_lines_without_the_date_of_the_others_continue_them() -> None:
    guess = guess_multiline([each for line in DATED for each in (line, "SELECT name")][: 3 * len(DATED) // 2])
    assert guess is not None
    assert all(re.search(guess.start, line) for line in DATED)
    assert not re.search(guess.start, "SELECT name FROM product")
    assert 0.4 < guess.continued < 0.6


def test_lines_that_all_have_a_date_and_lines_without_any_need_nothing() -> None:
    assert guess_multiline(DATED) is None
    assert guess_multiline(["order taken", "order paid"] * 20) is None
    assert guess_multiline(["R02-M1-N0 RAS KERNEL INFO x"] * 20 + ["ciod: failed"] * 5) is None
    assert guess_multiline([]) is None


def test_lines_with_dates_of_several_forms_are_of_several_programs() -> None:
    assert guess_multiline([each for line in DATED for each in (line, f"[04/Mar/2026 {line[11:]}")]) is None
