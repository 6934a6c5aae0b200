"""The lines of one partition of a keyed topic in the order in which they arrived in the raw topic.

Raw partitions are read in turn, so their lines come in blocks. A line is held until every raw partition has
a later one here, two seconds at most: the order is that of the lines' arrival in the raw topic where the readers of its
partitions are not further apart than that. Lines of one raw partition keep their order in any case.
"""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush
from typing import Generic, TypeVar

HOLD_SECONDS = 2.0
"""A line is held so long at most, and a raw partition that gave none for so long is waited for no longer."""
MAX_HELD = 20_000
"""Lines of a partition that are held, at most."""
MAX_HELD_CHARS = 50_000_000
"""Characters of these lines, at most."""

Key = tuple[float, float]
"""The time of a line's arrival in the raw topic, and its own: of equal ones the line with the earlier time is first."""

T = TypeVar("T")


class Interleaver(Generic[T]):
    """Merges the lines of several raw partitions. Pure: times are seconds of the caller's clock.

    :param now: when it begins: which raw partitions there are is not known for the first seconds.
    """

    def __init__(self, now: float) -> None:
        self._queues: dict[int, deque[tuple[Key, float, T, int]]] = {}
        self._heads: list[tuple[Key, int]] = []
        self._empty: dict[int, float] = {}
        """The raw partitions without a held line, and when their last one came."""
        self._began, self._held, self._chars = now, 0, 0

    def push(self, partition: int, key: Key, item: T, now: float, chars: int = 0) -> None:
        """Hold a line of a raw partition, of so many characters."""
        queue = self._queues.setdefault(partition, deque())
        if not queue:
            self._empty.pop(partition, None)
            heappush(self._heads, (key, partition))
        queue.append((key, now, item, chars))
        self._held += 1
        self._chars += chars

    def ready(self, now: float) -> list[T]:
        """The lines that are held no longer, in order."""
        found: list[T] = []
        latest = now - HOLD_SECONDS
        overdue = self._is_overdue(latest)
        while self._heads and (overdue or self._is_full or not self._waits(latest)):
            came, item = self._pop()
            found.append(item)
            if overdue and came <= latest:
                overdue = self._is_overdue(latest)
        return found

    def flush(self) -> list[T]:
        """All lines, in order."""
        return [self._pop()[1] for _ in range(self._held)]

    @property
    def heads(self) -> list[T]:
        """The first held line of each raw partition that has one."""
        return [queue[0][2] for queue in self._queues.values() if queue]

    @property
    def _is_full(self) -> bool:
        return self._held > MAX_HELD or self._chars > MAX_HELD_CHARS

    def _waits(self, latest: float) -> bool:
        """Whether a raw partition may yet give a line that comes before the held ones."""
        return self._began > latest or any(came > latest for came in self._empty.values())

    def _is_overdue(self, latest: float) -> bool:
        """Whether a line is held that came at this time or before."""
        return any(queue[0][1] <= latest for queue in self._queues.values() if queue)

    def _pop(self) -> tuple[float, T]:
        """The first line in order, and when it came."""
        _, partition = heappop(self._heads)
        queue = self._queues[partition]
        _, came, item, chars = queue.popleft()
        self._held -= 1
        self._chars -= chars
        if queue:
            heappush(self._heads, (queue[0][0], partition))
        else:
            self._empty[partition] = came
        return came, item
