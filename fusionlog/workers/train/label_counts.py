"""The labels of every target, counted: how many stand, and how many are new since a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from fusionlog.online.teacher_memory import MOST_LABELS
from fusionlog.records import PseudoLabel, Seconds
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


def count(marks: Mapping[str, LabelMark], since: Seconds) -> Counts:
    """The counts of a target's labels, by shape; a label that changes a verdict counts as changed, not as new."""
    newer = [mark for mark in marks.values() if mark.at > since and (mark.stands or mark.changes)]
    changed = sum(mark.changes for mark in newer)
    return Counts(
        labels=sum(mark.stands for mark in marks.values()),
        new=len(newer) - changed,
        changed=changed,
        oldest=min((mark.at for mark in newer), default=None),
    )


class LabelCounts:
    """The marks of the newest label of each shape, `MOST_LABELS` of a target at most; counted where they changed."""

    def __init__(self) -> None:
        self._marks: dict[str, dict[str, LabelMark]] = {}
        self._counted: dict[str, tuple[Seconds, Counts]] = {}

    @property
    def systems(self) -> list[str]:
        """The targets that have a label."""
        return list(self._marks)

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

    def of(self, system: str, since: Seconds) -> Counts:
        """The counts of a target's labels.

        :param since: labels up to this time are not new.
        """
        if (counted := self._counted.get(system)) is None or counted[0] != since:
            self._counted[system] = counted = (since, count(self._marks.get(system, {}), since))
        return counted[1]
