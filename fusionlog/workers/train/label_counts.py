"""The labels of every target and operators' verdicts, counted: how many stand, and how many are new since a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from fusionlog.online.operator_verdicts import is_label
from fusionlog.online.teacher_memory import MOST_LABELS
from fusionlog.records import Feedback, PseudoLabel, Seconds
from fusionlog.workers.train.due import Counts


class LabelMark(NamedTuple):
    """What counts of a label: its time, or that of its revocation; whether it changes an earlier verdict; whether a
    teacher gave it and nobody revoked it."""

    at: Seconds
    changes: bool
    stands: bool


def mark_of(label: PseudoLabel) -> LabelMark | None:
    """What counts of a label; None of one that was propagated: no teacher gave it."""
    if label.propagated_from is not None:
        return None
    if label.revoked is not None:
        return LabelMark(label.revoked.at, changes=True, stands=False)
    return LabelMark(label.labelled_at, changes=bool(label.contradicts), stands=bool(label.events))


def count(marks: Mapping[str, LabelMark], verdicts: Iterable[Seconds], since: Seconds) -> Counts:
    """The counts of a target's labels, by shape; a label that changes a verdict counts as changed, not as new.

    :param verdicts: the times of operators' verdicts.
    """
    given = [at for at in verdicts if at > since]
    newer = [mark for mark in marks.values() if mark.at > since and (mark.stands or mark.changes)]
    changed = sum(mark.changes for mark in newer)
    return Counts(
        labels=sum(mark.stands for mark in marks.values()),
        new=len(newer) - changed,
        changed=changed,
        feedback=len(given),
        oldest=min((*(mark.at for mark in newer), *given), default=None),
    )


class LabelCounts:
    """The marks of the newest label of each shape, `MOST_LABELS` of a target at most; counted where they changed."""

    def __init__(self) -> None:
        self._marks: dict[str, dict[str, LabelMark]] = {}
        self._verdicts: dict[str, dict[str, Seconds]] = {}
        self._counted: dict[str, tuple[Seconds, Counts]] = {}

    @property
    def systems(self) -> list[str]:
        """The targets that have a label, or an operator's verdict."""
        return list(self._marks | self._verdicts)

    def take(self, key: str, label: PseudoLabel | None) -> None:
        """Take a record of the topic of labels."""
        system, _, shape = key.rpartition("/") if label is None else (label.system, "", label.shape)
        marks = self._marks.setdefault(system, {})
        marks.pop(shape, None)
        if label is not None and (mark := mark_of(label)) is not None:
            marks[shape] = mark
        if len(marks) > MOST_LABELS:
            del marks[next(iter(marks))]
        self._counted.pop(system, None)

    def take_feedback(self, key: str, feedback: Feedback | None) -> None:
        """Take a record of the topic of operators' verdicts; one that ends by itself is no label."""
        system = key.rsplit("/", 2)[0] if feedback is None else feedback.system
        verdicts = self._verdicts.setdefault(system, {})
        verdicts.pop(key, None)
        if feedback is not None and is_label(feedback):
            verdicts[key] = feedback.at
        if len(verdicts) > MOST_LABELS:
            del verdicts[next(iter(verdicts))]
        self._counted.pop(system, None)

    def of(self, system: str, since: Seconds) -> Counts:
        """The counts of a target's labels.

        :param since: labels up to this time are not new.
        """
        if (counted := self._counted.get(system)) is None or counted[0] != since:
            self._counted[system] = counted = (since, self._count(system, since))
        return counted[1]

    def _count(self, system: str, since: Seconds) -> Counts:
        return count(self._marks.get(system, {}), self._verdicts.get(system, {}).values(), since)
