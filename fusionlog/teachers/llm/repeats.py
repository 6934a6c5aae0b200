"""The repeats of a unit: how often it was sent again because its answer could not be used."""

from __future__ import annotations

from fusionlog.teachers.llm.budget import HOUR
from fusionlog.types import Clock
from fusionlog.utils.bounded_cache import BoundedCache

MOST = 2
"""Repeats of a unit within an hour. Where one answer in five is broken, one unit in 125 is given up."""
KEPT_UNITS = 10_000


class Repeats:
    """The times of the last repeats, by unit.

    :param clock: seconds that never go back.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._times: BoundedCache[bytes, tuple[float, ...]] = BoundedCache(KEPT_UNITS)

    def take(self, *keys: bytes) -> bool:
        """Count a repeat of these units, if each of them has one left."""
        now = self._clock()
        recent = {key: [at for at in self._times.get(key) or () if at > now - HOUR] for key in keys}
        if any(len(times) >= MOST for times in recent.values()):
            return False
        for key, times in recent.items():
            self._times.put(key, (*times, now))
        return True
