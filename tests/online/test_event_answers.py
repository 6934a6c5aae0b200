from __future__ import annotations

import pytest

from fusionlog.online.event_answers import MOST_ANSWERS, EventAnswers
from fusionlog.records import PseudoLabel
from tests.factories import make_event, make_label, make_window

OPENED = make_event("disk opened").template


def answer(at: float, probability: float, *others: str, contradicts: bool = False) -> PseudoLabel:
    """An answer on an opened disk; `others` make it another shape."""
    window = make_window("disk opened", *others)
    return make_label(window, probability, labelled_at=at, contradicts=[OPENED] if contradicts else [])


def answers(*labels: PseudoLabel) -> EventAnswers:
    found = EventAnswers(OPENED)
    for label in labels:
        found.add(label)
    return found


def test_the_newest_answer_settles_an_event_in_whatever_order_they_come() -> None:
    old, new = answer(1.0, 0.1), answer(2.0, 0.9, "disk full")
    for found in (answers(old, new), answers(new, old)):
        assert found.event is not None and found.event.probability == 0.9 and found.since is None


def test_a_contradiction_opens_an_event_until_two_answers_in_a_row_agree() -> None:
    first, against = answer(1.0, 0.1), answer(2.0, 0.9, "a", contradicts=True)
    for again, settled in ((0.8, 0.8), (0.1, None)):
        later = answer(3.0, again, "b")
        for found in (answers(first, against, later), answers(later, against, first)):
            assert (found.event.probability if found.event else None) == settled
            assert found.since == (None if settled else 2.0)


def test_an_event_whose_answers_never_agree_is_settled_by_the_last_of_a_few() -> None:
    found = answers(answer(1.0, 0.1), answer(2.0, 0.9, "a", contradicts=True))
    for number in range(MOST_ANSWERS - 2):
        found.add(answer(3.0 + number, (0.1, 0.9)[number % 2], f"b{number}"))
        assert found.event is None
    found.add(answer(9.0, 0.9, "c"))
    assert found.event is not None and found.event.probability == 0.9


@pytest.mark.parametrize(("at", "settled"), [(3.9, False), (4.0, True), (5.0, True)])
def test_a_revoked_event_is_open_until_a_newer_answer(at: float, settled: bool) -> None:
    found = answers(answer(1.0, 0.1))
    found.remove(answer(1.0, 0.1).shape)
    found.revoke("shape", 4.0)
    assert found.event is None and found.since == 4.0 and found.revoked
    found.add(answer(at, 0.9, "b"))
    assert (found.event is not None) == settled == (not found.revoked)


def test_what_is_removed_gives_way_to_the_answer_before() -> None:
    found, last = answers(answer(1.0, 0.1)), answer(2.0, 0.9, "a", contradicts=True)
    found.add(last)
    found.remove(last.shape)
    assert found.event is not None and found.event.probability == 0.1 and found.since is None
    found.remove(answer(1.0, 0.1).shape)
    assert found.event is None and found.since is None
