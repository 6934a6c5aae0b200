"""The session keys that lines without one inherit: those of the last line with a key of the same source."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

from fusionlog.records import Seconds
from fusionlog.types import Position

MAX_SOURCES = 10_000
"""Sources of a partition whose keys are kept; the one that wrote least recently is forgotten."""

Keys = tuple[str, ...]


@dataclass(slots=True)
class _Source:
    """`position` is that of the line that gave the keys, `time` and `touched` are those of the source's last line."""

    keys: Keys
    position: Position
    time: Seconds
    touched: float


class SourceKeys:
    """The keys of the sources of one partition.

    A key is inherited within an idle gap of the source's last line, by the lines' times and by the event clock. As long
    as it may be, the line that gave it must be read again after a crash.
    """

    def __init__(self, idle: float, max_sources: int = MAX_SOURCES) -> None:
        self._idle, self._max = idle, max_sources
        self._sources: OrderedDict[Hashable, _Source] = OrderedDict()

    def give(self, source: Hashable, keys: Keys, position: Position, time: Seconds, now: float) -> None:
        """Note a line with keys of its own."""
        self._sources[source] = _Source(keys, position, time, now)
        self._sources.move_to_end(source)
        if len(self._sources) > self._max:
            self._sources.popitem(last=False)

    def inherit(self, source: Hashable, time: Seconds, now: float) -> tuple[Keys, Position] | None:
        """The keys for a line without one, and the position of the line that gave them."""
        found = self._sources.get(source)
        if found is None or now - found.touched > self._idle or time - found.time > self._idle:
            return None
        found.time, found.touched = time, now
        self._sources.move_to_end(source)
        return found.keys, found.position

    def forget(self) -> None:
        """Forget all sources: the partition was silent for longer than a session waits."""
        self._sources.clear()

    def first_needed(self, now: float) -> Position | None:
        """The first position whose keys may still be inherited. Forgets sources that were idle for longer."""
        while self._sources and now - next(iter(self._sources.values())).touched > self._idle:
            self._sources.popitem(last=False)
        return min((source.position for source in self._sources.values()), default=None)
