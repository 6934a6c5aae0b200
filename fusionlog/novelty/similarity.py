"""The similarity of two windows by their events and how often each occurs: weighted Jaccard of bags of events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from heapq import nsmallest
from math import log1p
from typing import Protocol

EventBag = Mapping[str, float]
"""A window's events by template id, each weighted by log1p of its count: four lines instead of three differ less than
one instead of none."""


class CountedEvent(Protocol):
    """An event with the number of its lines."""

    @property
    def template(self) -> str: ...  # noqa: D102

    @property
    def count(self) -> int: ...  # noqa: D102


def bag_of_events(events: Iterable[CountedEvent]) -> EventBag:
    """The bag of a window's events."""
    return {event.template: log1p(event.count) for event in events}


def weighted_jaccard(one: EventBag, other: EventBag) -> float:
    """The sum of the lesser weights over that of the greater ones; 1 for equal windows."""
    shared = sum(min(weight, other[template]) for template, weight in one.items() if template in other)
    whole = sum(one.values()) + sum(other.values()) - shared
    return shared / whole if whole else 1.0


class BagIndex:
    """An inverted index of bags by event, for the similarity of a window to the nearest one in it."""

    def __init__(self) -> None:
        self._bags: dict[str, EventBag] = {}
        self._masses: dict[str, float] = {}
        self._postings: dict[str, set[str]] = defaultdict(set)

    def __len__(self) -> int:
        return len(self._bags)

    def add(self, shape: str, bag: EventBag) -> None:
        """Add the bag of a window shape, once."""
        if shape in self._bags:
            return
        self._bags[shape] = bag
        self._masses[shape] = sum(bag.values())
        for template in bag:
            self._postings[template].add(shape)

    def remove(self, shape: str) -> None:
        """Remove the bag of a window shape, where it has one."""
        for template in self._bags.pop(shape, {}):
            self._postings[template].discard(shape)
        self._masses.pop(shape, None)

    def nearest(self, query: EventBag) -> float:
        """The greatest weighted Jaccard similarity to a bag of the index; 0 where it is empty."""
        return max(self._similarities(query).values(), default=0.0)

    def most_similar(self, query: EventBag, number: int, least: float) -> list[tuple[str, float]]:
        """The shapes of the `number` most similar bags with their similarities of `least` or more, the greatest first.

        Of equally similar ones the lesser hash comes first, whatever the order in which they were added.
        """
        near = ((shape, each) for shape, each in self._similarities(query).items() if each >= least)
        return nsmallest(number, near, key=lambda each: (-each[1], each[0]))

    def _similarities(self, query: EventBag) -> dict[str, float]:
        """The similarity to each bag that shares an event with the query."""
        shared: dict[str, float] = defaultdict(float)
        for template, weight in query.items():
            for shape in self._postings.get(template, ()):
                shared[shape] += min(weight, self._bags[shape][template])
        mass = sum(query.values())
        return {shape: part / (mass + self._masses[shape] - part) for shape, part in shared.items()}
