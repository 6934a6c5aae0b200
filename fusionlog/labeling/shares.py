"""How common the events of a system are, counted over the windows that went by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from math import log10

USUAL_SHARE = 0.5
USUAL_AFTER = 10
"""An event in half of a system's windows so far, once ten were seen, is usual. Half, since in a real outage a fifth or
a third of the windows may well fail."""
REMEMBERED = 20_000
"""Events whose share is remembered, over all systems; beyond it all are forgotten and counted anew."""


class Shares:
    """In how many of a system's windows each event stood, of those seen so far. An event is known by any key."""

    def __init__(self) -> None:
        self._windows: Counter[str] = Counter()
        self._events: Counter[tuple[str, str]] = Counter()

    def see(self, system: str, events: Iterable[str]) -> None:
        """Count one window with its distinct events."""
        if len(self._events) > REMEMBERED:
            self._windows.clear()
            self._events.clear()
        self._windows[system] += 1
        self._events.update((system, event) for event in events)

    def become(self, system: str, windows: int, events: Mapping[str, int]) -> None:
        """Take over what another one counted of a system: windows, and of each event the windows with it."""
        for key in [key for key in self._events if key[0] == system]:
            del self._events[key]
        self._windows[system] = windows
        self._events.update({(system, event): seen for event, seen in events.items()})

    def usual(self, system: str, event: str) -> bool:
        """Whether an event belongs to the daily round of its system."""
        return self.common(system, event, USUAL_SHARE)

    def common(self, system: str, event: str, share: float) -> bool:
        """Whether an event stands in such a share of its system's windows, of `USUAL_AFTER` at least."""
        windows = self._windows[system]
        return windows >= USUAL_AFTER and self._events[system, event] >= share * windows

    def rarity(self, system: str, event: str, own: int = 0) -> float:
        """-log10 of the share of windows with an event, (1 + k) / (1 + n): 0 while nothing was seen, 2 for one in a
        hundred.

        :param own: 1 where the window whose event it is was counted itself, and is left out.
        """
        seen, windows = self._events[system, event] - own, self._windows[system] - own
        return -log10((1 + max(0, seen)) / (1 + max(0, windows)))
