"""Windows of one system that wait for a teacher: which of them to ask about, and which need not be asked any more.

A unit costs the same whatever it teaches, so a call asks first for the windows that together hold every event that
nobody has judged (each answer judges its events, too), then for the most doubtful ones, then for those least like any
window that is known, the more often they were seen the sooner. A window whose events were all judged meanwhile is
general now: it goes back to the model without having cost anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import log1p
from typing import Generic, TypeVar

from fusionlog.novelty.similarity import BagIndex, EventBag, bag_of_events, weighted_jaccard
from fusionlog.records import Window

Item = TypeVar("Item")
Strange = Callable[[Window], set[str]]
"""The templates of a window that are near to nothing that is known."""


@dataclass
class Group(Generic[Item]):
    """Windows of one shape that wait, the first of them, and what came with each; `doubt` is 0 for strange ones."""

    window: Window
    bag: EventBag
    doubt: float = 0.0
    items: list[Item] = field(default_factory=list)


class Waiting(Generic[Item]):
    """The windows that wait, by shape, in order of arrival."""

    def __init__(self) -> None:
        self._groups: dict[str, Group[Item]] = {}

    def __len__(self) -> int:
        return sum(len(group.items) for group in self._groups.values())

    @property
    def windows(self) -> list[Window]:
        """One window of each shape."""
        return [group.window for group in self._groups.values()]

    def add(self, window: Window, item: Item, doubt: float = 0.0) -> None:
        """Let a window wait, with what its owner wants back; the doubt of the first of its shape counts."""
        group = self._groups.setdefault(window.shape, Group(window, bag_of_events(window.events), doubt))
        group.items.append(item)

    def count(self, shape: str) -> int:
        """How many windows of a shape wait."""
        return len(self._groups[shape].items) if shape in self._groups else 0

    def take(self, shape: str) -> list[Item]:
        """The items of a shape, which waits no longer."""
        group = self._groups.pop(shape, None)
        return group.items if group else []

    def choose(self, units: int, strange: Strange, known: BagIndex) -> list[Window]:
        """The windows to ask about, one of a shape, at most `units`."""
        chosen = self._cover(units, strange)
        chosen += self._most_doubtful(units - len(chosen), chosen)
        chosen += self._farthest(units - len(chosen), chosen, known)
        return [group.window for group in chosen]

    def _most_doubtful(self, units: int, chosen: Sequence[Group[Item]]) -> list[Group[Item]]:
        taken = {group.window.shape for group in chosen}
        groups = [group for shape, group in self._groups.items() if group.doubt and shape not in taken]
        groups.sort(key=lambda group: -group.doubt * log1p(len(group.items)))
        return groups[:units]

    def _cover(self, units: int, strange: Strange) -> list[Group[Item]]:
        """Greedy cover of the strange events: in each step the window with most of those that are left."""
        left = {shape: found for shape, group in self._groups.items() if (found := strange(group.window))}
        chosen: list[Group[Item]] = []
        while left and len(chosen) < units:
            best = max(left, key=lambda shape: (len(left[shape]), len(self._groups[shape].items)))
            covered = left.pop(best)
            chosen.append(self._groups[best])
            left = {shape: rest for shape, found in left.items() if (rest := found - covered)}
        return chosen

    def _farthest(self, units: int, chosen: Sequence[Group[Item]], known: BagIndex) -> list[Group[Item]]:
        """Farthest first, weighted by log1p of the frequency, from what is known and what is about to be asked."""
        taken = {group.window.shape for group in chosen}
        rest = [group for shape, group in self._groups.items() if shape not in taken and not group.doubt]
        near = [max([known.nearest(group.bag), *_to(group, chosen)]) for group in rest]
        left, found = set(range(len(rest))), list[Group[Item]]()
        while left and len(found) < units:
            best = max(left, key=lambda place: ((1 - near[place]) * log1p(len(rest[place].items)), -place))
            left.discard(best)
            found.append(rest[best])
            for place in left:
                near[place] = max(near[place], weighted_jaccard(rest[place].bag, rest[best].bag))
        return found


def _to(group: Group[Item], others: Iterable[Group[Item]]) -> list[float]:
    return [weighted_jaccard(group.bag, other.bag) for other in others]
