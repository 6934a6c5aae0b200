"""The teacher's labels of one system: by window shape, by event, and as an index of labelled windows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from fusionlog.novelty.similarity import BagIndex, EventBag, bag_of_events
from fusionlog.online.contradictions import Contradiction, contradicted
from fusionlog.online.event_answers import MOST_CONTRADICTIONS, EventAnswers
from fusionlog.records import BankEvent, PseudoLabel, Window
from fusionlog.utils.bounded_cache import BoundedCache

if TYPE_CHECKING:
    # The command line reads labels where no ONNX Runtime is installed.
    from fusionlog.embedding.encoder import EventText

KEPT_LABELS = 10_000
"""Labels kept by window shape, propagated ones among them, about 2 kB each."""
MOST_LABELS = 50_000
"""A teacher's own labels, of a system: what they settle stays settled. Beyond so many the tenth that was read first is
forgotten, and their events are asked about again, unless a release was trained on them."""


class Learned(NamedTuple):
    """The changes by a label: whether its shape has another one now, the events with another verdict, and whether an
    event lost its verdict."""

    label: bool
    events: list[BankEvent]
    lost: bool = False

    def __bool__(self) -> bool:
        return self.label or bool(self.events) or self.lost


class TeacherMemory:
    """The labels of one system. For one thread at a time.

    :param most: a teacher's own labels that are kept.
    """

    def __init__(self, most: float = MOST_LABELS) -> None:
        self._most = most
        self._own: dict[str, PseudoLabel] = {}
        self._labels: BoundedCache[str, PseudoLabel] = BoundedCache(KEPT_LABELS)
        self._revoked: dict[str, PseudoLabel] = {}
        self._answers: dict[str, EventAnswers] = {}
        self._open: dict[str, float] = {}
        self._windows = BagIndex()
        self.teacher: str | None = None
        """The name of the last teacher; None while there was none."""

    @property
    def windows(self) -> int:
        """The number of labelled window shapes."""
        return len(self._windows)

    @property
    def events(self) -> Iterator[BankEvent]:
        """The events with a verdict."""
        return (answers.event for answers in self._answers.values() if answers.event is not None)

    @property
    def answers(self) -> Iterator[EventAnswers]:
        """The answers on each event that has, or had, one."""
        return iter(self._answers.values())

    @property
    def open_events(self) -> Mapping[str, float]:
        """The templates of the events that are asked about again, each with the Unix time in seconds since when."""
        return self._open

    def label_of(self, shape: str) -> PseudoLabel | None:
        """The label of exactly this window shape."""
        return self._labels.get(shape)

    def event(self, template: str) -> BankEvent | None:
        """An event with its verdict; None where it has none, or is asked about again."""
        found = self._answers.get(template)
        return found.event if found else None

    def unlabelled(self, events: Sequence[EventText]) -> set[str]:
        """The templates of events without a verdict."""
        return {event.template for event in events if self.event(event.template) is None}

    def similarity(self, events: EventBag) -> float:
        """The similarity of a window to the nearest labelled one, 0 to 1."""
        return self._windows.nearest(events)

    def nearest(self, events: EventBag, number: int, least: float) -> list[tuple[PseudoLabel, float]]:
        """The labels of the `number` most similar windows, each with its similarity of `least` or more.

        A propagated label is none of them: the teacher did not see that window."""
        found = [(self.label_of(shape), near) for shape, near in self._windows.most_similar(events, number, least)]
        return [(label, near) for label, near in found if label is not None and label.propagated_from is None]

    def asked_since(self, window: Window) -> float | None:
        """The time since which a window is to be asked about again; None where it is not.

        It is where the label of its shape was revoked, or where one of its events is open and its shape has no newer
        label.
        """
        revoked = self._revoked.get(window.shape)
        if revoked is not None and revoked.revoked is not None:
            return revoked.revoked.at
        if not self._open:
            return None
        since = max((at for event in window.events if (at := self._open.get(event.template)) is not None), default=None)
        label = None if since is None else self._labels.get(window.shape)
        return None if since is None or (label is not None and label.labelled_at >= since) else since

    def contradictions(self, label: PseudoLabel, window: Window) -> list[Contradiction]:
        """The verdicts that an answer on a window contradicts; an event's first `MOST_CONTRADICTIONS` count.

        Answers of one call have one time: none is later than another.
        """
        found = [(event, self._answers[event.template]) for event in contradicted(label, window.events, self.event)]
        return [
            Contradiction(event, before, label)
            for event, answers in found
            if (before := answers.labels[-1]).labelled_at < label.labelled_at
            and answers.contradictions < MOST_CONTRADICTIONS
        ]

    def learn(self, label: PseudoLabel, events: bool) -> Learned:
        """Keep a label; a revoked one withdraws what its shape had.

        :param events: whether its events are labelled by it as well. An inherited label never labels events: the
            teacher saw neither that shape nor its events then.
        """
        before = self._labels.get(label.shape)
        if before == label or (before is not None and not _outranks(label, before)):
            return Learned(False, [])
        learned = self._replace(label.shape, label, events)
        return learned if len(self._own) + len(self._revoked) <= self._most else self._forget_oldest(learned)

    def _forget_oldest(self, learned: Learned) -> Learned:
        """Forget the labels that were read first, a tenth of them."""
        for kept in (self._own, self._revoked):
            for shape in list(islice(kept, ceil(len(kept) / 10))):
                lost = self._replace(shape, None, events=True).lost
                learned = learned._replace(lost=learned.lost or lost)
        for template in [each for each, answers in self._answers.items() if answers.empty]:
            del self._answers[template]
        return learned

    def forget(self, shape: str) -> Learned:
        """Drop the label of a shape, or its revocation."""
        return self._replace(shape, None, events=True)

    def _replace(self, shape: str, label: PseudoLabel | None, events: bool) -> Learned:
        """Put a label in place of what its shape has."""
        own, cached, revoked = self._own.pop(shape, None), self._labels.pop(shape), self._revoked.pop(shape, None)
        before = own or cached or revoked
        templates = list(dict.fromkeys([*_templates_of(before), *_templates_of(label)]))
        verdicts, were_open = [self.event(template) for template in templates], self._open.keys() & templates
        for template in _templates_of(before):
            self._of(template).remove(shape)
        if label is None or label.revoked is not None:
            self._windows.remove(shape)
        if label is not None:
            self._put(label, events)
        self._note_open(templates)
        pairs = [(verdict, self.event(template)) for verdict, template in zip(verdicts, templates, strict=True)]
        changed = [now for verdict, now in pairs if now and (verdict is None or verdict.probability != now.probability)]
        lost = any(verdict and not now for verdict, now in pairs) or self._open.keys() & templates != were_open
        return Learned(before != label, changed, lost)

    def _put(self, label: PseudoLabel, events: bool) -> None:
        if label.revoked is not None:
            self._revoked[label.shape] = label
            for template in label.revoked.templates if events else ():
                self._of(template).revoke(label.shape, label.revoked.at)
            return
        self._labels.put(label.shape, label)
        if label.propagated_from is None:
            self._own[label.shape] = label
            self._windows.add(label.shape, bag_of_events(label.events))
        if not events:
            return
        self.teacher = label.teacher
        if label.propagated_from is None:
            for event in label.events:
                self._of(event.template).add(label)

    def _of(self, template: str) -> EventAnswers:
        return self._answers.setdefault(template, EventAnswers(template))

    def _note_open(self, templates: Sequence[str]) -> None:
        """Keep the times since which these events are open."""
        for template in templates:
            since = self._answers[template].since if template in self._answers else None
            if since is None:
                self._open.pop(template, None)
            else:
                self._open[template] = since


def _outranks(label: PseudoLabel, before: PseudoLabel) -> bool:
    """Whether a label replaces an earlier one of its shape.

    The newer one does; but a propagated one never replaces a teacher's own, which always replaces a propagated one. A
    revocation replaces every label up to its time."""
    if label.revoked is not None:
        return before.labelled_at <= label.revoked.at
    if (label.propagated_from is None) != (before.propagated_from is None):
        return label.propagated_from is None
    return before.labelled_at <= label.labelled_at


def _templates_of(label: PseudoLabel | None) -> list[str]:
    """The events that a label labels; of a revoked one those that were named."""
    if label is None:
        return []
    return label.revoked.templates if label.revoked else [event.template for event in label.events]
