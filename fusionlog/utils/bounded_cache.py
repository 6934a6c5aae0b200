"""A bounded cache for hot paths."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class BoundedCache(Generic[K, V]):
    """A mapping that drops entries not used for long: between `entries` and `2 * entries` of the latest stay.

    Two dictionaries take turns: when the young one is full its entries become those of the old one, and the entries
    there are dropped, unless they were read meanwhile. A hit costs one dictionary look-up, with no order to keep.
    """

    def __init__(self, entries: int) -> None:
        self._young: _Young[K, V] = _Young(entries)
        self.get: Callable[[K], V | None] = self._young.__getitem__
        """The value of a key, None where it is missing or dropped."""
        self.put = self._young.put
        """Set a value, which must not be None."""

    @property
    def turns(self) -> int:
        """How often what was not used since the last time was forgotten."""
        return self._young.turns

    def get_all(self, keys: Iterable[K]) -> list[V | None]:
        """The value of each key, None where it is missing."""
        return [*map(self.get, keys)]

    def pop(self, key: K) -> V | None:
        """Remove a key and return its value, None where it is missing."""
        young, old = self._young.pop(key, None), self._young.old.pop(key, None)
        return old if young is None else young

    def __len__(self) -> int:
        return len(self._young) + len(self._young.old)


class _Young(dict[K, V]):
    """The young entries; what is missing among them is looked for among the old ones."""

    def __init__(self, entries: int) -> None:
        super().__init__()
        self.entries, self.turns = entries, 0
        self.old: dict[K, V] = {}

    def __missing__(self, key: K) -> V | None:
        value = self.old.pop(key, None)
        if value is not None:
            self.put(key, value)
        return value

    def put(self, key: K, value: V) -> None:
        if len(self) >= self.entries and key not in self:
            self.old = dict(self)
            self.clear()
            self.turns += 1
        self[key] = value
