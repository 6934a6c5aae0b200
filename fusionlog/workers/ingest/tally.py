"""The counts of one partition's records, lines and memberships; each kind conserves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fusionlog.observability import metrics
from fusionlog.parsing.windows import Share

NO_SESSION = "no-session-key"
Input = Literal["raw", "keyed"]
"""The topic that is read: the raw one, or the keyed one of a system with `repartition: true`."""


@dataclass
class Batch:
    """What became of the records of a batch: counted one by one, published at its end."""

    records: int = 0
    opened: int = 0
    lines: int = 0
    joined: int = 0
    dropped: int = 0
    repeated: int = 0
    memberships: int = 0
    inherited: int = 0
    unmatched: int = 0
    unmined: int = 0
    implausible: int = 0
    overflowed: int = 0


class Tally:
    """Publishes the counts of a partition as metrics of its system.

    | kind | read | is |
    |---|---|---|
    | record | `records` | opened, dead-lettered, or deleted |
    | line | `lines` | windowed or keyed, dead-lettered, dropped, joined, repeated, deleted, released, or open |
    | membership: a line in a session | `memberships` | windowed or keyed, dead-lettered, released, or open |
    """

    def __init__(self, system: str, input: Input = "raw") -> None:
        self._labels = labels = system, input
        self._system = system
        self.lines_open = self.memberships_open = 0
        self._lines, self._open = metrics.LINES.labels(*labels), metrics.LINES_OPEN.labels(*labels)
        self._records, self._opened = metrics.RECORDS.labels(*labels), metrics.RECORDS_OPENED.labels(*labels)
        self._memberships = metrics.MEMBERSHIPS.labels(*labels)
        self._memberships_open = metrics.MEMBERSHIPS_OPEN.labels(*labels)

    def add(self, batch: Batch) -> None:
        """Publish a batch."""
        self._records.inc(batch.records)
        self._opened.inc(batch.opened)
        self._lines.inc(batch.lines)
        self._memberships.inc(batch.memberships)
        self._resolve(batch.joined + batch.dropped + batch.repeated - batch.lines, -batch.memberships)
        for counter, count in (
            (metrics.LINES_JOINED, batch.joined), (metrics.LINES_REPEATED, batch.repeated),
            (metrics.RECORDS_DEAD, batch.records - batch.opened),
        ):  # fmt: skip
            if count:
                counter.labels(*self._labels).inc(count)
        for counter, count in (
            (metrics.LINES_INHERITED, batch.inherited), (metrics.LINES_UNMATCHED, batch.unmatched),
            (metrics.IMPLAUSIBLE_TIMES, batch.implausible), (metrics.LINES_UNMINED, batch.unmined),
            (metrics.SESSIONS_OVERFLOWED, batch.overflowed),
        ):  # fmt: skip
            if count:
                counter.labels(self._system).inc(count)
        if batch.dropped:
            metrics.LINES_DROPPED.labels(*self._labels, NO_SESSION).inc(batch.dropped)

    def windowed(self, share: Share, route: str) -> None:
        """Count a window that Kafka has."""
        metrics.WINDOWS.labels(self._system, route).inc()
        metrics.LINES_WINDOWED.labels(*self._labels).inc(share.lines)
        metrics.MEMBERSHIPS_WINDOWED.labels(*self._labels).inc(share.memberships)
        self._resolve(share.lines, share.memberships)

    def keyed(self, share: Share) -> None:
        """Count lines that are in the keyed topic."""
        metrics.LINES_KEYED.labels(*self._labels).inc(share.lines)
        metrics.MEMBERSHIPS_KEYED.labels(*self._labels).inc(share.memberships)
        self._resolve(share.lines, share.memberships)

    def dead(self, share: Share, reason: str) -> None:
        """Count a dead letter that Kafka has."""
        metrics.LINES_DEAD.labels(*self._labels, reason).inc(share.lines)
        metrics.MEMBERSHIPS_DEAD.labels(*self._labels).inc(share.memberships)
        self._resolve(share.lines, share.memberships)

    def release(self) -> None:
        """Count all unfinished lines as released."""
        metrics.LINES_RELEASED.labels(*self._labels).inc(self.lines_open)
        metrics.MEMBERSHIPS_RELEASED.labels(*self._labels).inc(self.memberships_open)
        self._resolve(self.lines_open, self.memberships_open)

    def _resolve(self, lines: int, memberships: int) -> None:
        """Take so many off the counts of what is open; a negative number adds."""
        self.lines_open -= lines
        self.memberships_open -= memberships
        self._open.dec(lines)
        self._memberships_open.dec(memberships)
