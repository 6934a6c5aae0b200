"""The teacher's answers on one event, and what follows from them: its verdict, or that it is asked about again.

| the answers | the event |
|---|---|
| agree, or differ without contradiction | is settled by the newest one |
| one contradicts the verdict up to then (see `contradictions`) | is open: windows with it are asked again |
| since then, two in a row agree, or there are `MOST_ANSWERS` | is settled by the newest one |
| the event was revoked, and no answer is newer | is open |
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from fusionlog.decision import is_anomalous
from fusionlog.records import BankEvent, EventLabel, PseudoLabel

MOST_ANSWERS = 5
"""Answers on an open event until the newest one settles it, though no two agree: its verdict depends on the window."""
MOST_CONTRADICTIONS = 3
"""Contradictions of one event by standing answers that open it; after them the newest answer counts."""


class EventAnswers:
    """The standing answers on one event by window shape. For one thread at a time.

    Answers of equal time count in the order in which they were added.
    """

    __slots__ = ("_contradicted", "_labels", "_newest", "_revoked", "event", "since", "template")

    def __init__(self, template: str) -> None:
        self.template = template
        self._labels: dict[str, PseudoLabel] = {}
        self._newest: PseudoLabel | None = None
        self._revoked: dict[str, float] = {}
        self._contradicted = False
        self.event: BankEvent | None = None
        """The event with its verdict; None where it has none, or is open."""
        self.since: float | None = None
        """The time since which the event is open, Unix time in seconds; None where it is not."""

    @property
    def labels(self) -> list[PseudoLabel]:
        """The labels that have an answer on the event, oldest first."""
        return sorted(self._labels.values(), key=attrgetter("labelled_at"))

    @property
    def empty(self) -> bool:
        """Whether no answer and no revocation is left."""
        return not self._labels and not self._revoked

    @property
    def revoked(self) -> bool:
        """Whether the event is open because it was revoked, and no answer is newer."""
        return self._open_by_revocation() is not None

    @property
    def contradictions(self) -> int:
        """The number of standing answers that contradict the verdict before them."""
        return sum(self.template in label.contradicts for label in self._labels.values())

    def add(self, label: PseudoLabel) -> None:
        """Add the answer in a label of a shape that has none."""
        self._labels[label.shape] = label
        self._contradicted |= self.template in label.contradicts
        if self._contradicted or self._revoked:
            self._update()
        elif self._newest is None or self._newest.labelled_at <= label.labelled_at:
            self._newest, self.event = label, _event(label, self.template)

    def remove(self, shape: str) -> None:
        """Remove the answer in the label of a shape, and its revocation."""
        answer, revoked = self._labels.pop(shape, None), self._revoked.pop(shape, None)
        if answer is not None or revoked is not None:
            self._update()

    def revoke(self, shape: str, at: float) -> None:
        """Note that the event was named when the label of a shape was revoked. :param at: Unix time in seconds."""
        self._revoked[shape] = at
        self._update()

    def _update(self) -> None:
        labels = self.labels
        self._newest = labels[-1] if labels else None
        times = [open_since(labels, self.template), self._open_by_revocation()]
        self.since = max((time for time in times if time is not None), default=None)
        settled = self._newest is not None and self.since is None
        self.event = _event(self._newest, self.template) if settled and self._newest else None

    def _open_by_revocation(self) -> float | None:
        at = max(self._revoked.values(), default=None)
        return None if at is None or (self._newest is not None and self._newest.labelled_at >= at) else at


def open_since(labels: Sequence[PseudoLabel], template: str) -> float | None:
    """The time of the contradiction that no later answers have settled; None where there is none.

    :param labels: with an answer on the event, oldest first.
    """
    since, verdicts = None, list[bool]()
    for label in labels:
        verdict = is_anomalous(answer_in(label, template).probability)
        if since is None:
            if template in label.contradicts:
                since, verdicts = label.labelled_at, [verdict]
            continue
        verdicts.append(verdict)
        if verdicts[-1] == verdicts[-2] or len(verdicts) >= MOST_ANSWERS:
            since = None
    return since


def answer_in(label: PseudoLabel, template: str) -> EventLabel:
    """The answer on an event in a label that has one."""
    return next(event for event in label.events if event.template == template)


def _event(label: PseudoLabel, template: str) -> BankEvent:
    answer = answer_in(label, template)
    return BankEvent(system=label.system, template=template, text=answer.text, probability=answer.probability)
