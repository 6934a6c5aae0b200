from __future__ import annotations

import pytest

from fusionlog.novelty.reasons.telling import by_telling, is_telling
from fusionlog.records import Evidence
from tests.novelty.reasons.factories import make_absent, make_evidence

FAILED = make_evidence("disk failed", share=0.01)
ANOMALOUS = make_evidence("queue drained", probability=0.9, share=0.2)
ATYPICAL = make_evidence("retry scheduled", atypical=True, share=0.9)
VALUED = make_evidence("mail sent", value="its duration 3.9 s, usually below 0.1 s", share=0.9)
RARE = make_evidence("cache cold", share=0.02)
USUAL = make_evidence("order opened", share=0.98)


def test_the_most_telling_event_comes_first() -> None:
    found = by_telling([USUAL, RARE, VALUED, ANOMALOUS, make_absent(), FAILED])
    assert [each.text for each in found] == [
        "disk failed", "payment accepted", "queue drained", "mail sent", "cache cold", "order opened",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "routine",
    [USUAL, make_evidence("disk failed", share=0.9), make_evidence("order opened", probability=0.9, share=0.99)],
    ids=["usual", "a failure in most windows", "a high probability of an event in most windows"],
)
def test_what_is_in_most_windows_tells_nothing(routine: Evidence) -> None:
    assert not is_telling(routine)


def test_unusual_numbers_of_what_is_in_most_windows_tell_something() -> None:
    assert is_telling(ATYPICAL) and is_telling(VALUED)


def test_without_a_profile_the_more_anomalous_event_comes_first() -> None:
    low, high = make_evidence("a done", probability=0.6), make_evidence("b done", probability=0.9)
    assert by_telling([low, high]) == [high, low]
