from __future__ import annotations

import pytest
from msgspec.structs import replace

from fusionlog.online.label_changes import LEAST_CHANGE, is_changed
from fusionlog.records import PseudoLabel
from tests.factories import make_label, make_window

WINDOW = make_window("disk failed", "disk full")


def label(probability: float, *events: float, **fields: object) -> PseudoLabel:
    made = make_label(WINDOW, probability, **fields)
    pairs = zip(made.events, events or (probability, probability), strict=True)
    return replace(made, events=[replace(event, probability=value) for event, value in pairs])


def test_the_first_label_of_a_shape_is_news() -> None:
    assert is_changed(label(0.9), None)


def test_a_propagated_one_and_that_of_another_teacher_are_replaced() -> None:
    assert is_changed(label(0.9), label(0.9, propagated_from="other"))
    assert is_changed(label(0.9), label(0.9, teacher="another"))


@pytest.mark.parametrize(
    ("before", "now", "changed"),
    [
        ((0.9,), (0.9,), False),
        ((0.9,), (0.9 - LEAST_CHANGE / 2,), False),
        ((0.9,), (0.9 - LEAST_CHANGE * 1.01,), True),
        ((0.51,), (0.49,), True),
        ((0.9, 0.9, 0.1), (0.9, 0.9, 0.1), False),
        ((0.9, 0.9, 0.1), (0.9, 0.9, 0.3), True),
        ((0.9, 0.9, 0.49), (0.9, 0.9, 0.51), True),
    ],
)
def test_it_is_news_where_a_verdict_turns_or_a_probability_moves_far(
    before: tuple[float, ...], now: tuple[float, ...], changed: bool
) -> None:
    assert is_changed(label(*now), label(*before)) == changed


def test_other_events_are_news() -> None:
    assert is_changed(label(0.9), make_label(make_window("disk failed"), 0.9))
