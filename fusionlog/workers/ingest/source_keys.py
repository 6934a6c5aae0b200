"""The session keys that lines without one inherit: those of the last line with a key of the same source."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from hashlib import blake2b

from fusionlog.records import Seconds
from fusionlog.types import Position

MAX_SOURCES = 10_000
"""Sources of a partition whose keys are kept; the one that wrote least recently is forgotten."""
MAX_BEHIND = 10_000
"""Records of a partition behind the last line of a source, after which its key is no longer inherited. The commit is so
far behind at most, for a worker that takes over must read the line with the key."""

MAX_SOURCE_CHARS = 200
"""A source with a longer name, such as a long key of a record, is kept by a hash of it."""

Keys = tuple[str, ...]


@dataclass(slots=True)
class _Source:
    """`position` is that of the line that gave the keys, `time` and `offset` are those of the source's last line."""

    keys: Keys
    position: Position
    time: Seconds
    offset: int


class SourceKeys:
    """The keys of the sources of one partition.

    A key is inherited within an idle gap of the source's last line. Whether it is depends on the lines from that with
    the key on, and on nothing else: a worker that reads them again comes to the same.
    """

    def __init__(self, idle: float, max_sources: int = MAX_SOURCES) -> None:
        self._idle, self._max = idle, max_sources
        self._sources: OrderedDict[Hashable, _Source] = OrderedDict()

    def give(self, source: Hashable, keys: Keys, position: Position, time: Seconds) -> None:
        """Note a line with keys of its own."""
        source = _short(source)
        self._sources[source] = _Source(keys, position, time, position[0])
        self._sources.move_to_end(source)
        if len(self._sources) > self._max:
            self._sources.popitem(last=False)

    def inherit(self, source: Hashable, position: Position, time: Seconds) -> tuple[Keys, Position] | None:
        """The keys for a line without one, and the position of the line that gave them."""
        source = _short(source)
        found = self._sources.get(source)
        if found is None or position[0] - found.offset > MAX_BEHIND or time - found.time > self._idle:
            return None
        found.time, found.offset = time, position[0]
        self._sources.move_to_end(source)
        return found.keys, found.position

    def forget(self) -> None:
        """Forget all sources: the partition was silent for longer than a session waits."""
        self._sources.clear()

    def first_needed(self, next_offset: int) -> Position | None:
        """The first position whose keys may still be inherited. Forgets the sources that are too far behind."""
        while self._sources and next_offset - next(iter(self._sources.values())).offset > MAX_BEHIND:
            self._sources.popitem(last=False)
        return min((source.position for source in self._sources.values()), default=None)


def _short(source: Hashable) -> Hashable:
    if isinstance(source, str | bytes) and len(source) > MAX_SOURCE_CHARS:
        return blake2b(source.encode(errors="surrogatepass") if isinstance(source, str) else source).digest()
    return source
