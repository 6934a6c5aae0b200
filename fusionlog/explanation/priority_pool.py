"""A bounded pool of anomalies that wait for an explanation: one per window shape, the highest score first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from fusionlog.records import Anomaly

Item = TypeVar("Item")
Key = tuple[str, str]
"""A system, and the shape of a window of it."""


def key_of(anomaly: Anomaly) -> Key:
    """The key of the anomaly's explanation: its system and its window shape."""
    return anomaly.system, anomaly.shape


@dataclass
class Candidate(Generic[Item]):
    """An anomaly in the pool, the item that was added with it, and the greatest score of an anomaly of its shape.

    :param since: when it was added, in seconds of the caller's clock.
    """

    anomaly: Anomaly
    item: Item
    score: float
    since: float = 0.0


class Pool(Generic[Item]):
    """The candidates, in order of arrival.

    :param size: the most candidates that it holds.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._candidates: dict[Key, Candidate[Item]] = {}

    def __len__(self) -> int:
        return len(self._candidates)

    @property
    def full(self) -> bool:
        """Whether adding another shape evicts a candidate."""
        return len(self) >= self.size

    def count(self, system: str) -> int:
        """The number of candidates of a system."""
        return sum(own == system for own, _ in self._candidates)

    def get(self, anomaly: Anomaly) -> Candidate[Item] | None:
        """The candidate of the anomaly's shape; None where there is none."""
        return self._candidates.get(key_of(anomaly))

    def __iter__(self) -> Iterator[Candidate[Item]]:
        return iter(list(self._candidates.values()))

    def add(self, anomaly: Anomaly, item: Item, since: float = 0.0) -> Candidate[Item] | None:
        """Add an anomaly of a shape that is not in the pool.

        :return: the candidate that was evicted, which may be the new one; None where there was room.
        """
        self._candidates[key_of(anomaly)] = Candidate(anomaly, item, anomaly.score, since)
        if len(self) <= self.size:
            return None
        # Of equal scores the latest is evicted: those before it have waited longer.
        least = min(reversed(self._candidates.values()), key=lambda each: each.score)
        return self.take(least.anomaly)

    def take(self, anomaly: Anomaly) -> Candidate[Item] | None:
        """Remove the candidate of the anomaly's shape, and return it; None where there is none."""
        return self._candidates.pop(key_of(anomaly), None)

    def best(self, ready: Callable[[Candidate[Item]], bool]) -> Candidate[Item] | None:
        """The candidate with the highest score of those that are `ready`, the earliest of equals; it stays."""
        return max(
            (each for each in self._candidates.values() if ready(each)),
            key=lambda each: each.score,
            default=None,
        )

    def systems(self) -> list[str]:
        """The systems that have a candidate."""
        return list(dict.fromkeys(system for system, _ in self._candidates))
