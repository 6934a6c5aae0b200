"""The commit watermark of a partition: the offset below which every line is accounted for."""

from __future__ import annotations

import heapq


class CommitWatermark:
    """The offset below which every line is in something that Kafka acknowledged, or was dropped by rule.

    Lines are read in the order of their offsets. A window (or a dead letter, of one line) is `sent` with its first
    offset, which no other one shares, and later `acked`. Open windows are not known here: their first offset is given
    to `position`. Pure: no I/O.
    """

    def __init__(self, start: int) -> None:
        """`start` is the offset of the first line to come."""
        self._next = start
        self._unacked: set[int] = set()
        self._heap: list[int] = []

    @property
    def next_offset(self) -> int:
        """The offset after the last read line."""
        return self._next

    @property
    def unacked(self) -> int:
        """The number of sent and unacknowledged windows and dead letters."""
        return len(self._unacked)

    def read(self, offset: int) -> None:
        """Note a read line."""
        self._next = max(self._next, offset + 1)

    def sent(self, first_offset: int) -> None:
        """Note that a window or dead letter that begins with this line was sent."""
        self._unacked.add(first_offset)
        heapq.heappush(self._heap, first_offset)

    def acked(self, first_offset: int) -> None:
        """Note that Kafka acknowledged it."""
        self._unacked.discard(first_offset)

    def position(self, first_open: int | None = None) -> int:
        """The offset to commit: that of the first line that would be lost if reading resumed after it.

        :param first_open: the offset of the oldest line in an open window, None where there is none.
        """
        while self._heap and self._heap[0] not in self._unacked:
            heapq.heappop(self._heap)
        held = self._heap[0] if self._heap else self._next
        return min(held, self._next if first_open is None else first_open)
