"""As many lines as a measurement needs, made of a recorded stream."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from zlib import crc32

from fusionlog.data.systems import read_catalog, read_stream
from fusionlog.parsing.regex_invariance import DIGITS, is_invariant
from fusionlog.settings import SystemSettings

IDLE_GAPS = 3
"""A repetition of a stream lasts so many of its idle gaps: what is open at a time is what a stream leaves open."""


@dataclass(frozen=True)
class Stream:
    """A system and its recorded lines."""

    name: str
    system: SystemSettings
    lines: Sequence[bytes]

    @property
    def step(self) -> float:
        """Seconds of event time between two lines."""
        return IDLE_GAPS * self.system.window.idle_seconds / len(self.lines)

    def take(self, number: int, start: int = 0) -> Iterator[bytes]:
        """Lines `start` to `start + number` of the stream repeated without end, in every repetition with its digits 1
        to 9 permuted: sessions, addresses and numbers are others, the forms of the lines are not."""
        size, end = len(self.lines), start + number
        for repetition in range(start // size, -(-end // size)):
            table, first = self._digits(repetition), repetition * size
            for line in self.lines[max(0, start - first) : end - first]:
                yield line.translate(table)

    def partition(self, line: bytes, place: int, partitions: int) -> int:
        """Where a line goes: with its session, or with the twenty lines beside it."""
        if partitions == 1:
            return 0
        key = self.key(line)
        return (crc32(key) if key else place // self.system.window.size) % partitions

    def key(self, line: bytes) -> bytes:
        """What the session's expression matches in a line; nothing where it does not, or there is none."""
        found = self._pattern.search(line) if self._pattern else None
        return found.group() if found else b""

    @cached_property
    def _pattern(self) -> re.Pattern[bytes] | None:
        return re.compile(self.system.session.encode()) if self.system.session else None

    def _digits(self, repetition: int) -> bytes:
        """The first repetition is the recording itself; so are all where the session key has digits of its own."""
        digits = list(b"123456789")
        if repetition and is_invariant(self.system.session or "", DIGITS):
            random.Random(repetition).shuffle(digits)
        return bytes.maketrans(b"123456789", bytes(digits))


def open_stream(directory: Path, name: str | None = None) -> Stream:
    """A system of a data directory by name, else its first."""
    catalog = read_catalog(directory)
    chosen = name or next(iter(catalog))
    return Stream(chosen, catalog[chosen], [line.encode() for line in read_stream(directory, chosen)])
