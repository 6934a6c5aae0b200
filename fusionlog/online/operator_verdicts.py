"""Operators' verdicts on the anomalies of one system: what they mute, and the labels that they are.

A dismissal mutes the anomalies of its window shape, or those that only dismissed events tell of. A confirmation, and a
dismissal of a shape without an end, is also a label, which outranks those of teachers and the scores of models. No
Kafka; times are Unix seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from fusionlog import decision
from fusionlog.novelty.reasons.telling import by_telling, is_telling
from fusionlog.records import Anomaly, Evidence, Feedback, PseudoLabel, Window

OPERATOR = "operator:"
"""The teacher of an operator's label begins so; the name of the operator follows."""


class OperatorVerdicts:
    """The verdicts on one system that stand, each by the key of its record. Its methods may be called from any thread:
    each change makes new tables."""

    def __init__(self) -> None:
        self._all: Mapping[str, Feedback] = {}
        self._shapes: Mapping[str, Feedback] = {}
        self._events: Mapping[tuple[str, bool], Feedback] = {}

    def put(self, key: str, feedback: Feedback) -> None:
        """Keep a verdict in place of the one before it on the same target."""
        self._set({**self._all, key: feedback})

    def remove(self, key: str) -> None:
        """Drop a verdict that was undone."""
        self._set({name: each for name, each in self._all.items() if name != key})

    def label_of(self, window: Window) -> PseudoLabel | None:
        """The label that an operator's verdict is of a window; None where it has none: the one on its shape, else that
        on a confirmed event of it."""
        if not self._all:
            return None
        found = self._shapes.get(window.shape)
        if found is not None and is_label(found):
            return as_label(found)
        for event in window.events:
            found = self._events.get((event.template, False))
            if found is not None and found.verdict == "confirm":
                return replace(as_label(found), shape=window.shape)
        return None

    def mute_of(self, anomaly: Anomaly, now: float) -> Feedback | None:
        """The dismissal that mutes an anomaly; None where it is to be reported."""
        if not self._all:
            return None
        shape = self._shapes.get(anomaly.shape)
        if shape is not None:
            return shape if _mutes(shape, now) else None
        found = [self._events.get((each.template, each.absent)) for each in telling(anomaly)]
        dismissed = [each for each in found if each is not None and _mutes(each, now)]
        return dismissed[0] if found and len(dismissed) == len(found) else None

    def _set(self, found: Mapping[str, Feedback]) -> None:
        self._all = found
        self._shapes = {each.shape: each for each in found.values() if each.scope == "shape"}
        self._events = {(each.event, each.absent): each for each in found.values() if each.scope == "event"}


def telling(anomaly: Anomaly) -> Sequence[Evidence]:
    """The evidence that tells of an anomaly, the most telling first; where nothing distinguishes any, the first."""
    ordered = by_telling(anomaly.evidence)
    return [each for each in ordered if is_telling(each)] or ordered[:1]


def is_label(feedback: Feedback) -> bool:
    """Whether a verdict is a label too: whatever ends is none."""
    return feedback.until is None


def is_operators(label: PseudoLabel) -> bool:
    """Whether a label is an operator's."""
    return label.teacher.startswith(OPERATOR)


def as_label(feedback: Feedback) -> PseudoLabel:
    """The label of the verdict's window shape."""
    verb = "confirmed" if feedback.verdict == "confirm" else "dismissed"
    return PseudoLabel(
        system=feedback.system, shape=feedback.shape, probability=probability_of(feedback), confidence=1.0,
        reason=f"{verb} by {feedback.by}" + (f": {feedback.note}" if feedback.note else ""), events=feedback.events,
        teacher=f"{OPERATOR}{feedback.by}", window=feedback.anomaly, labelled_at=feedback.at,
    )  # fmt: skip


def probability_of(feedback: Feedback) -> float:
    """The probability of an anomaly by a verdict: 0 or 1."""
    return float(feedback.verdict == "confirm")


def merged(labels: Iterable[PseudoLabel], feedback: Iterable[Feedback]) -> list[PseudoLabel]:
    """The labels of a system as operators' verdicts correct them, in order of their times.

    A verdict on a shape takes the place of the shape's label. One on an event replaces its probability in every label;
    a label whose window is anomalous by that event alone becomes that of a normal one, and one with a confirmed event
    that of an anomaly.
    """
    standing = [each for each in feedback if is_label(each)]
    found = {label.shape: label for label in labels}
    for each in standing:
        if each.scope == "event" and not each.absent:
            found = {shape: _corrected(label, each) for shape, label in found.items()}
    found |= {each.shape: as_label(each) for each in standing if each.scope == "shape"}
    return sorted(found.values(), key=lambda label: label.labelled_at)


def _corrected(label: PseudoLabel, feedback: Feedback) -> PseudoLabel:
    """A label with an operator's verdict on one of its events."""
    if label.revoked is not None or feedback.event not in {event.template for event in label.events}:
        return label
    verdict = probability_of(feedback)
    events = [replace(each, probability=verdict) if each.template == feedback.event else each for each in label.events]
    alone = {feedback.event} == {each.template for each in label.events if decision.is_anomalous(each.probability)}
    probability = max(label.probability, verdict) if verdict or not alone else 0.0
    return replace(label, events=events, probability=probability, labelled_at=max(label.labelled_at, feedback.at))


def _mutes(feedback: Feedback, now: float) -> bool:
    return feedback.verdict == "dismiss" and (feedback.until is None or feedback.until > now)
