"""Sessions whose lines a shipper scatters over partitions: each partition cuts a piece of them, and misses the rest."""

from __future__ import annotations

from typing import NamedTuple

from fusionlog.records import Seconds, Window
from fusionlog.utils.bounded_cache import BoundedCache

MAX_SESSIONS = 20_000
"""Sessions that are remembered, those of the latest windows."""
MAX_KEY_CHARS = 200
"""A session with a longer key is not looked at."""
LEAST_SESSIONS = 20
SHARE = 0.05


class _Seen(NamedTuple):
    partition: int
    started: Seconds
    ended: Seconds
    scattered: bool


class ScatteredSessions:
    """The partitions of the sessions of one system, within one worker: what other workers read is not seen here."""

    def __init__(self, system: str, idle: float) -> None:
        self.system, self._idle = system, idle
        self._seen: BoundedCache[str, _Seen] = BoundedCache(MAX_SESSIONS)
        self.sessions = self.scattered = 0
        self._example = ""

    def add(self, window: Window) -> bool:
        """Note a window; whether it is the first that shows its session to be in several partitions at a time."""
        if len(window.session) > MAX_KEY_CHARS:
            return False
        before = self._seen.get(window.session)
        near = before is not None and self._overlaps(before, window)
        apart = before is not None and near and before.partition != window.partition
        known = before is not None and near and before.scattered
        self.sessions += not near
        if apart and not known:
            self.scattered += 1
            self._example = window.session
        started = min(before.started, window.started) if near and before else window.started
        ended = max(before.ended, window.ended) if near and before else window.ended
        self._seen.put(window.session, _Seen(window.partition, started, ended, apart or known))
        return apart and not known

    def warning(self) -> str | None:
        """A sentence where too many sessions of those since the last call are scattered."""
        sessions, scattered = self.sessions, self.scattered
        self.sessions = self.scattered = 0
        if scattered <= SHARE * sessions or sessions < LEAST_SESSIONS:
            return None
        return (
            f"{self.system}: {scattered} of {sessions} sessions have lines in several partitions at a time, "
            f"e.g. {self._example!r}, so each partition sees a part of them: let the shipper key its records by "
            "session or host, or set  repartition: true"
        )

    def _overlaps(self, seen: _Seen, window: Window) -> bool:
        return window.started - seen.ended <= self._idle and seen.started - window.ended <= self._idle
