"""How much two windows resemble each other by what stands in them and how often."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from math import log1p
from typing import Protocol

Signature = Mapping[str, float]
"""A window's events by template id, each with log1p of its count: four lines instead of three differ less than one
instead of none."""


class Counted(Protocol):
    """An event with the number of its lines."""

    @property
    def template(self) -> str: ...  # noqa: D102

    @property
    def count(self) -> int: ...  # noqa: D102


def signature(events: Iterable[Counted]) -> Signature:
    """The signature of a window's events."""
    return {event.template: log1p(event.count) for event in events}


def resemblance(one: Signature, other: Signature) -> float:
    """Weighted Jaccard similarity: the sum of the lesser weights over that of the greater; 1 for equal windows."""
    shared = sum(min(weight, other[template]) for template, weight in one.items() if template in other)
    whole = sum(one.values()) + sum(other.values()) - shared
    return shared / whole if whole else 1.0


class Signatures:
    """Known windows, and how near a window comes to the nearest of them."""

    def __init__(self) -> None:
        self._known: dict[str, Signature] = {}
        self._masses: dict[str, float] = {}
        self._holders: dict[str, set[str]] = defaultdict(set)

    def __len__(self) -> int:
        return len(self._known)

    def add(self, shape: str, known: Signature) -> None:
        """Know a window of this shape."""
        if shape in self._known:
            return
        self._known[shape] = known
        self._masses[shape] = sum(known.values())
        for template in known:
            self._holders[template].add(shape)

    def nearest(self, asked: Signature) -> float:
        """The greatest resemblance to a known window; 0 where nothing is known."""
        shared: dict[str, float] = defaultdict(float)
        for template, weight in asked.items():
            for shape in self._holders.get(template, ()):
                shared[shape] += min(weight, self._known[shape][template])
        mass = sum(asked.values())
        return max((part / (mass + self._masses[shape] - part) for shape, part in shared.items()), default=0.0)
