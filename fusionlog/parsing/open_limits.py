"""Limits of what is open in a partition, all by one number: the sessions that may be open at once.

| open windows | are closed |
|---|---|
| more than `max_open` | the one that no line was added to for longest |
| with more than 10 `max_open` distinct events | the same |
| that began more than 20 `max_open` offsets ago | the oldest |

A session takes 1 kB, and an event of it 0.2 to 0.7 kB, for its example is a line; 500 characters of a session's key
count as an event. The oldest window holds the commit back, and with it all that is kept of the lines from there on.
"""

from __future__ import annotations

from math import inf

EVENTS_PER_SESSION = 10
OFFSETS_PER_SESSION = 20
CHARS_PER_EVENT = 500


class OpenLimits:
    """Counts the open sessions of a partition and their events. `due` is the offset from which on a look is needed.

    :param max_open: sessions that may be open at once; infinite where windows are by count.
    """

    __slots__ = ("_events", "_max_age", "_max_events", "_max_open", "_sessions", "due")

    def __init__(self, max_open: float) -> None:
        self._max_open = max_open
        self._max_events, self._max_age = EVENTS_PER_SESSION * max_open, OFFSETS_PER_SESSION * max_open
        self._sessions = self._events = 0
        self.due: float = inf

    @property
    def exceeded(self) -> bool:
        """Whether too many sessions are open, or too many events are in them."""
        return self._sessions > self._max_open or self._events > self._max_events

    def is_old(self, first: int, offset: int) -> bool:
        """Whether a window that began at one offset is too old at another."""
        return offset - first > self._max_age

    def open(self, offset: int, session: str) -> None:
        """Count a new session, which begins at an offset."""
        self._sessions += 1
        self._events += len(session) // CHARS_PER_EVENT
        if self.exceeded:
            self.due = -1
        elif self.due == inf:
            self.due = offset + self._max_age

    def add_event(self) -> None:
        """Count an event that is new in its session."""
        self._events += 1
        if self._events > self._max_events:
            self.due = -1

    def close(self, session: str, events: int) -> None:
        """Count a closed session with so many events."""
        self._sessions -= 1
        self._events -= events + len(session) // CHARS_PER_EVENT

    def settle(self, oldest: int) -> None:
        """Note that the limits hold; the oldest open session begins at this offset, or later."""
        self.due = oldest + self._max_age
