"""Answers that contradict an event's verdict up to then.

Many windows say nothing about a single event: another one may be the fault, or put it right. So an answer is evidence
against the verdict on an event only where the window's other events are all settled as normal (or there are none), and
the answer's verdict on the window and that on the event are both the other one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from fusionlog.decision import is_anomalous
from fusionlog.records import BankEvent, PseudoLabel, WindowEvent

Settled = Callable[[str], BankEvent | None]
"""The event of a template with its verdict; None where no answer settles it."""


class Contradiction(NamedTuple):
    """An event with its verdict up to then, the newest answer that this verdict is from, and the one against it."""

    event: BankEvent
    before: PseudoLabel
    label: PseudoLabel


def contradicted(label: PseudoLabel, window: Collection[WindowEvent], settled: Settled) -> list[BankEvent]:
    """The events whose verdict an answer contradicts, each with its verdict up to then.

    :param window: the events of the window, those without an answer among them.
    """
    known = {event.template: settled(event.template) for event in window}
    verdict = is_anomalous(label.probability)
    return [
        before
        for event in label.events
        if (before := known.get(event.template)) is not None
        and is_anomalous(event.probability) == verdict != is_anomalous(before.probability)
        and _all_normal([other for template, other in known.items() if template != event.template])
    ]


def _all_normal(events: Sequence[BankEvent | None]) -> bool:
    return all(event is not None and not is_anomalous(event.probability) for event in events)
