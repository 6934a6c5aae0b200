"""The teacher's labels of one system: by window shape, by event, and as an index of labelled windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fusionlog.embedding.encoder import EventText
from fusionlog.novelty.similarity import BagIndex, EventBag, bag_of_events
from fusionlog.records import BankEvent, PseudoLabel
from fusionlog.utils.bounded_cache import BoundedCache

KEPT_LABELS = 10_000
"""Labels kept by window shape, about 2 kB each. Labelled events are kept for good: the teacher's budget bounds them."""


class Learned(NamedTuple):
    """The changes by a label: whether it differs from its shape's last one, and the events with another verdict."""

    label: bool
    events: list[BankEvent]

    def __bool__(self) -> bool:
        return self.label or bool(self.events)


class TeacherMemory:
    """The labels of one system. For one thread at a time."""

    def __init__(self) -> None:
        self._labels: BoundedCache[str, PseudoLabel] = BoundedCache(KEPT_LABELS)
        self._events: dict[str, tuple[float, BankEvent]] = {}
        self._windows = BagIndex()
        self.teacher: str | None = None
        """The name of the last teacher; None while there was none."""

    @property
    def windows(self) -> int:
        """The number of labelled window shapes."""
        return len(self._windows)

    @property
    def events(self) -> Iterator[BankEvent]:
        """The labelled events."""
        return (event for _, event in self._events.values())

    def label_of(self, shape: str) -> PseudoLabel | None:
        """The label of exactly this window shape."""
        return self._labels.get(shape)

    def event(self, template: str) -> BankEvent | None:
        """A labelled event."""
        found = self._events.get(template)
        return found[1] if found else None

    def unlabelled(self, events: Sequence[EventText]) -> set[str]:
        """The templates of events without a label."""
        return {event.template for event in events} - self._events.keys()

    def similarity(self, events: EventBag) -> float:
        """The similarity of a window to the nearest labelled one, 0 to 1."""
        return self._windows.nearest(events)

    def nearest(self, events: EventBag, number: int, least: float) -> list[tuple[PseudoLabel, float]]:
        """The labels of the `number` most similar windows, each with its similarity of `least` or more.

        A propagated label is none of them: the teacher did not see that window."""
        found = [(self.label_of(shape), near) for shape, near in self._windows.most_similar(events, number, least)]
        return [(label, near) for label, near in found if label is not None and label.propagated_from is None]

    def learn(self, label: PseudoLabel, events: bool) -> Learned:
        """Keep a label.

        :param events: whether its events are labelled by it as well. An inherited label never labels events: the
            teacher saw neither that shape nor its events then.
        """
        before = self._labels.get(label.shape)
        if before is None or _outranks(label, before):
            self._labels.put(label.shape, label)
        if label.propagated_from is None:
            self._windows.add(label.shape, bag_of_events(label.events))
        if not events:
            return Learned(before != label, [])
        self.teacher = label.teacher
        if label.propagated_from is not None:
            return Learned(before != label, [])
        return Learned(before != label, list(self._changed(label)))

    def _changed(self, label: PseudoLabel) -> Iterator[BankEvent]:
        """Keep the events of a label that are not older than the known ones; return those with another verdict."""
        for event in _events_of(label):
            at, known = self._events.get(event.template, (label.labelled_at, None))
            if at > label.labelled_at:
                continue
            self._events[event.template] = (label.labelled_at, event)
            if known is None or known.probability != event.probability:
                yield event


def _outranks(label: PseudoLabel, before: PseudoLabel) -> bool:
    """Whether a label replaces an earlier one of its shape.

    The newer one does; but a propagated one never replaces a teacher's own, which always replaces a propagated one."""
    if (label.propagated_from is None) != (before.propagated_from is None):
        return label.propagated_from is None
    return before.labelled_at <= label.labelled_at


def _events_of(label: PseudoLabel) -> list[BankEvent]:
    return [
        BankEvent(system=label.system, template=event.template, text=event.text, probability=event.probability)
        for event in label.events
    ]
