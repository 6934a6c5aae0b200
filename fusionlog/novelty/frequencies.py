"""Document frequencies of one system's events over its windows, and the rarity by them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from math import log10

MOST_WINDOWS_SHARE = 0.5
"""The share of windows from which on an event is usual. Half, since in a real outage a fifth or a third of the windows
may well fail."""
LEAST_WINDOWS = 10
"""Windows below which no event is frequent."""
KEPT_EVENTS = 20_000
"""Distinct events counted; beyond it the counts start again from nothing, so that a log storm cannot fill memory."""


class Frequencies:
    """Document frequencies: windows, and the windows with each event. An event has any string as its key."""

    def __init__(self, windows: int = 0, events: Mapping[str, int] | None = None) -> None:
        self.windows = windows
        self._events: Counter[str] = Counter(events or {})

    @property
    def events(self) -> Counter[str]:
        """The number of windows with each event."""
        return self._events

    def update(self, events: Iterable[str], times: int = 1) -> None:
        """Count one window by its distinct events, or several equal ones."""
        if len(self._events) > KEPT_EVENTS:
            self.windows, self._events = 0, Counter()
        self.windows += times
        for event in events:
            self._events[event] += times

    def is_usual(self, event: str) -> bool:
        """Whether an event stands in `MOST_WINDOWS_SHARE` of the windows."""
        return self.is_frequent(event, MOST_WINDOWS_SHARE)

    def is_frequent(self, event: str, share: float) -> bool:
        """Whether an event stands in such a share of the windows, of `LEAST_WINDOWS` at least."""
        return self.windows >= LEAST_WINDOWS and self._events[event] >= share * self.windows

    def rarity(self, event: str, own: int = 0) -> float:
        """-log10 of the smoothed share of windows with an event, (1 + k) / (1 + n): its surprisal in powers of ten.

        0 while nothing was counted, 2 for one window in a hundred.

        :param own: how often the event's own window was counted; it is left out, so that it is compared with others.
        """
        seen, windows = self._events[event] - own, self.windows - own
        return -log10((1 + max(0, seen)) / (1 + max(0, windows)))
