"""When what a teacher says of a shape is worth saying again.

A teacher that watches judges a shape each time that it comes, by what went by meanwhile, and mostly says the same.
"""

from __future__ import annotations

from fusionlog.decision import is_anomalous
from fusionlog.records import PseudoLabel

LEAST_CHANGE = 0.1
"""How far a probability must move from the published one to be another one."""


def is_changed(label: PseudoLabel, before: PseudoLabel | None) -> bool:
    """Whether a label says something that the published one of its shape does not: the verdict on the window, or on one
    of its events, is another one, or its probability has moved by `MOVED`."""
    if before is None or before.propagated_from is not None or before.teacher != label.teacher:
        return True
    told = {event.template: event.probability for event in before.events}
    if told.keys() != {event.template for event in label.events}:
        return True
    pairs = [(told[event.template], event.probability) for event in label.events]
    return any(_differs(*pair) for pair in [(before.probability, label.probability), *pairs])


def _differs(before: float, now: float) -> bool:
    return is_anomalous(before) != is_anomalous(now) or abs(now - before) >= LEAST_CHANGE
