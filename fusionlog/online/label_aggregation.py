"""Label aggregation: the label of an unlabelled window from the teacher's labels of its events."""

from __future__ import annotations

from collections.abc import Sequence

from fusionlog.records import BankEvent, EventLabel, PseudoLabel, Window


def aggregate(window: Window, events: Sequence[BankEvent], teacher: str) -> PseudoLabel:
    """The aggregate label of a window: the maximum of its events' probabilities.

    :param events: the labelled event that each of the window's events is, or is similar enough to.
    """
    worst = max(events, key=lambda event: event.probability)
    return PseudoLabel(
        system=window.system,
        shape=window.shape,
        probability=worst.probability,
        confidence=max(worst.probability, 1.0 - worst.probability),
        reason=f"no model was taught this system yet; the worst of its events: {worst.text!r}",
        events=event_labels(window, events),
        teacher=teacher,
        window=window.id,
        labelled_at=0.0,
    )


def event_labels(window: Window, events: Sequence[BankEvent]) -> list[EventLabel]:
    """Labelled events in the form of a teacher's answer on a window."""
    return [
        EventLabel(template=event.template, text=event.text, count=event.count, probability=labelled.probability)
        for event, labelled in zip(window.events, events, strict=True)
    ]
