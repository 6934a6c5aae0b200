"""The event time of a partition, by the times of its lines, which may be wrong.

A step within a quarter of the idle gap is time that passed. A longer step ahead is a *jump*, and needs evidence: the
wall clock advanced as much while nothing was read (a live stream that was quiet), or five of the next lines jump too
(a replay, where hours pass between two lines). A jump that three lines contradict first is a wrong clock; the line
counts as of the time that its neighbours have.

A line that is older than the newest leaves the clock where it is: of two hosts that share a partition one may lag
behind. When only such lines come, the clock follows them, and a return to the time before counts as no jump.
"""

from __future__ import annotations

from math import inf

from fusionlog.records import Seconds

SLACK = 0.25
"""A step of this share of the idle gap needs no evidence; sessions are closed too early by as much at most."""
CONFIRMING_LINES = 5
"""So many lines confirm a jump, the first of them included."""
CONTRADICTING_LINES = 3
"""So many lines contradict it, if they come first."""
STALE_LINES = 1000
"""So many lines in a row that are all older than an idle gap: the clock follows them."""


class EventClock:
    """Seconds of event time since the first line: `now` starts at 0 and never goes back.

    :param idle: the idle gap of a session in seconds; infinite where sessions do not end by it.
    """

    def __init__(self, idle: float) -> None:
        self.now = 0.0
        self.newest: Seconds | None = None
        """The time of the newest line, None before the first one."""
        self.limit: Seconds = inf
        """A line that is later is ahead: it needs evidence."""
        self._idle, self._slack = idle, idle * SLACK
        self._support = self._stale = 0
        self._is_open = True
        """Whether the next line that agrees matters: few did so far, or the last ones did not."""
        self._left: Seconds | None = None

    def allow(self, seconds: float) -> None:
        """Allow a step of so many seconds more: they passed on the wall while no line came."""
        if self.newest is not None:
            self.limit = max(self.limit, self.newest + self._slack + seconds)

    def observe(self, time: Seconds) -> float:
        """Advance the clock by a line that is not ahead; return it."""
        newest = self.newest
        if newest is None:
            self._begin(time)
        elif time > newest:
            self.now += time - newest
            self.newest, self.limit = time, time + self._slack
            if self._is_open:
                self._supported()
        elif newest - time > self._idle:
            self._lagging(time)
        elif self._is_open:
            self._supported()
        return self.now

    def jump(self, time: Seconds) -> None:
        """Advance the clock to a time that several lines confirm."""
        start = self.newest if self.newest is not None else time
        if self._left is not None and abs(time - self._left) <= self._idle:
            start, self._left = max(start, self._left), None
        self.now += max(0.0, time - start)
        self._begin(time, CONFIRMING_LINES)

    def _supported(self) -> None:
        """Note a line that agrees with the time of the clock."""
        self._stale = 0
        self._support += 1
        self._is_open = self._support < CONFIRMING_LINES

    def _lagging(self, time: Seconds) -> None:
        """Note a line from before the idle gap; a time that too few lines had gives way to the first five of them."""
        self._stale += 1
        self._is_open = True
        held = self._support >= CONFIRMING_LINES
        if self._stale < (STALE_LINES if held else CONFIRMING_LINES):
            return
        self._left = self.newest if held else None
        self._begin(time)

    def _begin(self, time: Seconds, support: int = 1) -> None:
        self.newest, self.limit = time, time + self._slack
        self._support, self._stale, self._is_open = support, 0, True
