"""How far a partition may be committed."""

from __future__ import annotations

import heapq


class CommitWatermark:
    """The offset below which every line is in something that Kafka acknowledged, or was dropped by rule.

    Lines are read in the order of their offsets. A window (or a dead letter, of one line) is `sent` with its first
    offset, which no other one shares, and later `acked`. Open windows are not known here: their first offset is given
    to `position`. Pure: it talks to nobody.
    """

    def __init__(self, start: int) -> None:
        """`start` is the offset of the first line to come."""
        self._next = start
        self._unacked: set[int] = set()
        self._heap: list[int] = []

    @property
    def next_offset(self) -> int:
        """The offset after the last line that was read."""
        return self._next

    @property
    def unacked(self) -> int:
        """How many were sent and are not acknowledged."""
        return len(self._unacked)

    def read(self, offset: int) -> None:
        """A line was read."""
        self._next = max(self._next, offset + 1)

    def sent(self, first_offset: int) -> None:
        """Something that begins with this line is on its way to Kafka."""
        self._unacked.add(first_offset)
        heapq.heappush(self._heap, first_offset)

    def acked(self, first_offset: int) -> None:
        """Kafka has it."""
        self._unacked.discard(first_offset)

    def position(self, first_open: int | None = None) -> int:
        """The offset to commit: that of the first line that would be lost if reading went on after it.

        :param first_open: the offset of the oldest line in an open window, None where there is none.
        """
        while self._heap and self._heap[0] not in self._unacked:
            heapq.heappop(self._heap)
        held = self._heap[0] if self._heap else self._next
        return min(held, self._next if first_open is None else first_open)
