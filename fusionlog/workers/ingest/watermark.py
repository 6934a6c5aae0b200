"""The commit watermark of a partition: the offset below which every line is accounted for."""

from __future__ import annotations

import heapq
from collections import Counter, deque

from fusionlog.types import Position


class CommitWatermark:
    """The offset below which every line is in something that Kafka acknowledged, or was dropped by rule.

    Lines are read in the order of their positions. A window (or a dead letter, of one line) is `sent` with its first
    position, which others may share, and later `acked`. Open windows and held lines are not known here: the first
    position that they need is given to `position`. Pure: no I/O.
    """

    def __init__(self, start: int) -> None:
        """`start` is the offset of the first record to come."""
        self._next = start
        self._unacked: Counter[Position] = Counter()
        self._count = 0
        self._heap: list[Position] = []
        self._spans: deque[tuple[Position, Position]] = deque()

    @property
    def next_offset(self) -> int:
        """The offset after the last read record."""
        return self._next

    @property
    def unacked(self) -> int:
        """The number of sent and unacknowledged windows and dead letters."""
        return self._count

    def read(self, offset: int) -> None:
        """Note a record of which all lines were read."""
        self._next = max(self._next, offset + 1)

    def joined(self, first: Position, last: Position) -> None:
        """Note a line of several pieces: what reads it again must read all of it. In the order of first positions."""
        self._spans.append((first, last))

    def sent(self, first: Position) -> None:
        """Note that a window or dead letter that needs the lines from this one on was sent."""
        self._unacked[first] += 1
        self._count += 1
        heapq.heappush(self._heap, first)

    def acked(self, first: Position) -> None:
        """Note that Kafka acknowledged it."""
        self._count -= 1
        self._unacked[first] -= 1
        if not self._unacked[first]:
            del self._unacked[first]

    def position(self, first_open: Position | None = None) -> int:
        """The offset to commit: that of the first line that would be lost if reading resumed after it.

        :param first_open: the first position that an open window or a held line needs, None where there is none.
        """
        while self._heap and self._heap[0] not in self._unacked:
            heapq.heappop(self._heap)
        position = self._heap[0] if self._heap else (self._next, 0)
        if first_open is not None:
            position = min(position, first_open)
        return self._before_spans(position[0])

    def _before_spans(self, offset: int) -> int:
        """The offset, or the beginning of a joined line with records on both sides of it. Forgets what is behind."""
        for first, last in reversed(self._spans):
            if first[0] < offset <= last[0]:
                offset = first[0]
        while self._spans and self._spans[0][1][0] < offset:
            self._spans.popleft()
        return offset
