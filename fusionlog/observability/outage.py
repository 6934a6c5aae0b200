"""The state of something that may be away: its changes, each once."""

from __future__ import annotations

import time
from math import inf

from fusionlog.types import Clock

REMIND_SECONDS = 60.0


class Outage:
    """Something that is there, or away since a time for a reason. Pure but for its clock.

    :param reason: why it is away at the beginning; None: it is there.
    :param remind_seconds: after so long the reason is news again; by default never.
    """

    def __init__(self, reason: str | None = None, clock: Clock = time.monotonic, remind_seconds: float = inf) -> None:
        self.reason = reason
        self._clock, self._remind_seconds = clock, remind_seconds
        self.changed_at = clock()
        self._reported_at: float | None = None

    @property
    def there(self) -> bool:
        """Whether it is there."""
        return self.reason is None

    def away(self, reason: str) -> bool:
        """Record that it is away; return whether that is to be logged: it is new, or was logged long ago."""
        now = self._clock()
        if self.reason is None:
            self.changed_at = now
        self.reason = reason
        if self._reported_at is not None and now - self._reported_at < self._remind_seconds:
            return False
        self._reported_at = now
        return True

    def back(self) -> float | None:
        """Record that it is there; return the seconds of an outage that was logged, None where there was none."""
        now, reported = self._clock(), self._reported_at is not None
        seconds = now - self.changed_at
        if self.reason is not None:
            self.changed_at = now
        self.reason, self._reported_at = None, None
        return seconds if reported else None
