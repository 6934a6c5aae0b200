from __future__ import annotations

from fusionlog.online.label_aggregation import aggregate, event_labels
from fusionlog.records import BankEvent
from tests.factories import make_event, make_window

WINDOW = make_window("disk full", "order placed", "disk full")
EVENTS = [
    BankEvent(system="shop", template=make_event(text).template, text=text, probability=probability)
    for text, probability in (("disk full", 0.8), ("order placed", 0.1))
]


def test_a_window_is_as_anomalous_as_the_worst_of_its_events() -> None:
    label = aggregate(WINDOW, EVENTS, "test")
    assert (label.shape, label.probability, label.confidence, label.teacher) == (WINDOW.shape, 0.8, 0.8, "test")
    assert "disk full" in label.reason
    assert aggregate(WINDOW, EVENTS[1:] * 2, "test").confidence == 0.9


def test_event_labels_carry_the_windows_counts() -> None:
    assert [(each.count, each.probability) for each in event_labels(WINDOW, EVENTS)] == [(2, 0.8), (1, 0.1)]
