"""The candidate pool of one system: windows that wait for its teacher's label, by shape, in order of arrival."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from fusionlog.active_learning.query_strategy import Candidate, choose
from fusionlog.novelty.similarity import EventBag, bag_of_events
from fusionlog.online.knowledge import Knowledge
from fusionlog.online.second_opinion import acquisition_score_of
from fusionlog.records import Window

Item = TypeVar("Item")


@dataclass
class _Group(Generic[Item]):
    """Windows of one shape, each with its item. The acquisition score of the first counts."""

    window: Window
    events: EventBag
    score: float
    waiting: list[tuple[Window, Item]] = field(default_factory=list)


class CandidatePool(Generic[Item]):
    """The windows of one system that wait for a label, each with an item of its owner (a Kafka message, a position).

    :param knowledge: of the system: it decides whether a window has to wait, and by what the next call is chosen.
    """

    def __init__(self, knowledge: Knowledge) -> None:
        self.knowledge = knowledge
        self._groups: dict[str, _Group[Item]] = {}

    def __len__(self) -> int:
        return sum(len(group.waiting) for group in self._groups.values())

    @property
    def windows(self) -> list[Window]:
        """One window of each waiting shape."""
        return [group.window for group in self._groups.values()]

    def add(self, window: Window, item: Item) -> None:
        """Add a window."""
        group = self._groups.get(window.shape)
        if group is None:
            group = _Group(window, bag_of_events(window.events), acquisition_score_of(window) or 0.0)
            self._groups[window.shape] = group
        group.waiting.append((window, item))

    def count(self, shape: str) -> int:
        """The number of waiting windows of a shape."""
        return len(self._groups[shape].waiting) if shape in self._groups else 0

    def take(self, shape: str) -> list[tuple[Window, Item]]:
        """Remove the windows of a shape."""
        group = self._groups.pop(shape, None)
        return group.waiting if group else []

    def release(self) -> Iterator[tuple[Window, Item]]:
        """Remove and return the windows that need no label any more, each with its new route to the small model.

        These are the windows whose events all became known, and all windows where the teacher is no longer in use. A
        referred window keeps waiting as long as there is a teacher.
        """
        for group in list(self._groups.values()):
            if not self._waits(group):
                for window, item in self.take(group.window.shape):
                    yield self.knowledge.route(window), item

    def choose(self, units: int) -> list[Window]:
        """The windows of the next call, one of a shape, `units` at most (see `query_strategy`)."""
        candidates = [
            Candidate(group.window, group.events, len(group.waiting), group.score) for group in self._groups.values()
        ]
        return choose(candidates, units, self.knowledge.unknown_events, self.knowledge.similarity)

    def _waits(self, group: _Group[Item]) -> bool:
        if not self.knowledge.queries_teacher:
            return False
        route = self.knowledge.route(group.window).route
        return acquisition_score_of(group.window) is not None or route is None or route.kind == "proprietary"
