"""Anomalies that wait for an explanation: one a shape, a bounded number, the highest score first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from fusionlog.records import Anomaly

Item = TypeVar("Item")
Key = tuple[str, str]
"""A system, and the shape of a window of it."""


def key_of(anomaly: Anomaly) -> Key:
    """What one explanation is for."""
    return anomaly.system, anomaly.shape


@dataclass
class Candidate(Generic[Item]):
    """An anomaly that waits, what came with it, and the greatest score that its shape was seen with."""

    anomaly: Anomaly
    item: Item
    score: float


class Pool(Generic[Item]):
    """The candidates, in order of arrival.

    :param size: how many may wait.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._waiting: dict[Key, Candidate[Item]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """Whether one more would make another leave."""
        return len(self) >= self.size

    def count(self, system: str) -> int:
        """How many wait of a system."""
        return sum(own == system for own, _ in self._waiting)

    def get(self, anomaly: Anomaly) -> Candidate[Item] | None:
        """The candidate of the anomaly's shape."""
        return self._waiting.get(key_of(anomaly))

    def add(self, anomaly: Anomaly, item: Item) -> Candidate[Item] | None:
        """Let an anomaly wait whose shape does not; the one that leaves for it, which may be itself."""
        self._waiting[key_of(anomaly)] = Candidate(anomaly, item, anomaly.score)
        if len(self) <= self.size:
            return None
        # Of equal scores the latest leaves: those before it have waited longer.
        least = min(reversed(self._waiting.values()), key=lambda each: each.score)
        return self.take(least.anomaly)

    def take(self, anomaly: Anomaly) -> Candidate[Item] | None:
        """The candidate of the anomaly's shape, which waits no longer."""
        return self._waiting.pop(key_of(anomaly), None)

    def best(self, payable: Callable[[str], bool]) -> Candidate[Item] | None:
        """The one with the highest score of the systems that can be paid for, the earliest of equals; it stays."""
        return max(
            (each for each in self._waiting.values() if payable(each.anomaly.system)),
            key=lambda each: each.score,
            default=None,
        )

    def systems(self) -> list[str]:
        """The systems that have a candidate."""
        return list(dict.fromkeys(system for system, _ in self._waiting))
