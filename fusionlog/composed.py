"""The word on a window that no teacher was asked about, put together from those on its events."""

from __future__ import annotations

from collections.abc import Sequence

from fusionlog.records import BankEvent, EventLabel, PseudoLabel, Window


def composed(window: Window, found: Sequence[BankEvent], teacher: str) -> PseudoLabel:
    """The word on a window that follows from those on its events, or on events near to them."""
    worst = max(found, key=lambda event: event.probability)
    return PseudoLabel(
        system=window.system,
        shape=window.shape,
        probability=worst.probability,
        confidence=max(worst.probability, 1.0 - worst.probability),
        reason=f"no model was taught this system yet; the worst of its events: {worst.text!r}",
        events=as_labels(window, found),
        teacher=teacher,
        window=window.id,
        labelled_at=0.0,
    )


def as_labels(window: Window, found: Sequence[BankEvent]) -> list[EventLabel]:
    """What is known of a window's events, as a teacher would say it."""
    return [
        EventLabel(template=event.template, text=event.text, count=event.count, probability=judged.probability)
        for event, judged in zip(window.events, found, strict=True)
    ]
