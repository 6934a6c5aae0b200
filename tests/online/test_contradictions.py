from __future__ import annotations

import pytest
from msgspec.structs import replace

from fusionlog.online.contradictions import contradicted
from fusionlog.records import BankEvent
from tests.factories import make_event, make_label, make_window

SETTLED = {
    make_event(text).template: BankEvent(
        system="shop", template=make_event(text).template, text=text, probability=probability
    )
    for text, probability in (("opened", 0.1), ("closed", 0.2), ("failed", 0.9))
}


def against(probability: float, **events: float) -> list[str]:
    """The texts of the events whose verdict an answer contradicts."""
    window = make_window(*events)
    label = make_label(window, probability)
    own = [replace(event, probability=events[event.text]) for event in label.events]
    return [event.text for event in contradicted(replace(label, events=own), window.events, SETTLED.get)]


@pytest.mark.parametrize(
    ("probability", "events", "found"),
    [
        pytest.param(0.9, {"opened": 0.9}, ["opened"], id="alone"),
        pytest.param(0.9, {"opened": 0.9, "closed": 0.1}, ["opened"], id="beside a normal event"),
        pytest.param(0.9, {"opened": 0.9, "closed": 0.9}, ["opened", "closed"], id="both"),
        pytest.param(0.1, {"failed": 0.1}, ["failed"], id="the other way round"),
        pytest.param(0.1, {"failed": 0.1, "opened": 0.1}, ["failed"], id="the other way round, beside a normal event"),
        pytest.param(0.9, {"opened": 0.9, "failed": 0.9}, [], id="another event may be the fault"),
        pytest.param(0.9, {"opened": 0.9, "new": 0.1}, [], id="nothing is known of another event"),
        pytest.param(0.9, {"opened": 0.1, "closed": 0.1}, [], id="a step is missing: no event is at fault"),
        pytest.param(0.1, {"opened": 0.9}, [], id="the window is put right"),
        pytest.param(0.1, {"opened": 0.2}, [], id="the same verdict"),
        pytest.param(0.9, {"new": 0.9}, [], id="not settled"),
    ],
)
def test_an_answer_contradicts_a_verdict_where_nothing_else_explains_it(
    probability: float, events: dict[str, float], found: list[str]
) -> None:
    assert against(probability, **events) == found


def test_an_event_that_the_teacher_was_not_shown_may_be_the_fault() -> None:
    window = make_window("opened", "new")
    label = make_label(window, 0.9)
    assert contradicted(replace(label, events=label.events[:1]), window.events, SETTLED.get) == []
