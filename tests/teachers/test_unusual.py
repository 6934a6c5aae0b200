from __future__ import annotations

from fusionlog.novelty.profile import SystemProfile
from fusionlog.teachers.unusual import MOST_SENTENCES, unusual_by
from tests.factories import make_window

ORDER = make_window("order opened", "card charged", "order closed")


def profile_of(times: int) -> SystemProfile:
    profile = SystemProfile()
    profile.update(ORDER, times)
    return profile


def test_what_is_unusual_in_a_window_is_said_in_sentences() -> None:
    window = make_window("order opened", "order opened", "card failed", "order closed")
    assert unusual_by(window, profile_of(99), own=0) == [
        "'card charged' is missing: it is in 99 of 99 windows with 'order opened'",
        "'order opened' has 2 lines: as many in 0 of 99 windows with it",
        "'card failed' is in 0 of 99 windows before",
    ]


def test_a_usual_window_has_none_and_so_has_the_first_one_of_a_system() -> None:
    assert unusual_by(ORDER, profile_of(99)) == [] == unusual_by(ORDER, SystemProfile())


def test_a_window_full_of_oddities_has_a_few_sentences() -> None:
    assert len(unusual_by(make_window(*(f"step {'i' * n}" for n in range(40))), profile_of(99))) == MOST_SENTENCES
