"""The test whether a new label of a window shape is to be published: it differs from the published one.

A teacher that watches the stream labels a shape each time that it comes, mostly with the same verdicts.
"""

from __future__ import annotations

from fusionlog.decision import is_anomalous
from fusionlog.records import PseudoLabel

LEAST_CHANGE = 0.1
"""How far a probability must move from the published one to be another one."""


def is_changed(label: PseudoLabel, before: PseudoLabel | None) -> bool:
    """Whether a label differs from the published one of its shape.

    It does where a verdict, on the window or an event, is another one, or a probability moved by `LEAST_CHANGE`."""
    if before is None or before.propagated_from is not None or before.teacher != label.teacher:
        return True
    published = {event.template: event.probability for event in before.events}
    if published.keys() != {event.template for event in label.events}:
        return True
    pairs = [(published[event.template], event.probability) for event in label.events]
    return any(_differs(*pair) for pair in [(before.probability, label.probability), *pairs])


def _differs(before: float, now: float) -> bool:
    return is_anomalous(before) != is_anomalous(now) or abs(now - before) >= LEAST_CHANGE
