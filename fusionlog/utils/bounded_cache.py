"""A bounded cache for hot paths."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class BoundedCache(Generic[K, V]):
    """A mapping that drops entries not used for long: between `entries` and `2 * entries` of the latest stay.

    Two dictionaries take turns: when the young one is full it becomes the old one, and the entries of the old one are
    dropped, unless they were read meanwhile. A hit costs one dictionary look-up, with no order to keep.
    """

    def __init__(self, entries: int) -> None:
        self._entries = entries
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}
        self.turns = 0
        """How often what was not used since the last time was forgotten."""

    def get(self, key: K) -> V | None:
        """The value of a key, None where it is missing or dropped."""
        value = self._young.get(key)
        if value is None:
            value = self._old.pop(key, None)
            if value is not None:
                self.put(key, value)
        return value

    def get_all(self, keys: Iterable[K]) -> list[V | None]:
        """The value of each key, None where it is missing."""
        young = self._young.get
        return [young(key) or self.get(key) for key in keys]

    def put(self, key: K, value: V) -> None:
        """Set a value, which must not be None."""
        if len(self._young) >= self._entries and key not in self._young:
            self._young, self._old = {}, self._young
            self.turns += 1
        self._young[key] = value

    def pop(self, key: K) -> V | None:
        """Remove a key and return its value, None where it is missing."""
        young, old = self._young.pop(key, None), self._old.pop(key, None)
        return old if young is None else young

    def __len__(self) -> int:
        return len(self._young) + len(self._old)
