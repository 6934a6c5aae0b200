"""The origins of the lines in one partition of a keyed topic: which lines come for the first time.

A writer sends the lines of a raw partition in the order of their origins, and begins at the group's commit, behind
which all lines are in the keyed topic. So a line is a repeat where its origin is not greater than the greatest that was
taken from its raw partition: a successor sends lines again, and a writer that was frozen sends what it had in hand.
A line whose predecessor is missing is no repeat, and is left out too: its writer lost a batch, which nobody has
acknowledged, and its successor sends both again.

The greatest origins are a part of the commit. As the commit lies behind the last line that was read, they are kept for
some offsets, the *marks*, and the commit is that of a mark.
"""

from __future__ import annotations

from bisect import bisect_right

import msgspec

from fusionlog.records import KeyedLine

Origin = tuple[int, int, int, int]
"""Epoch, offset and index of a line in its raw partition, and the number of the session among those of the line."""

MAX_MARKS = 1_000


class Origins(msgspec.Struct, frozen=True, omit_defaults=True):
    """The greatest origins that were taken, by raw partition.

    :param complete: whether nothing was taken from the others; False: that is not known.
    """

    greatest: dict[int, Origin] = {}
    complete: bool = True


UNKNOWN = Origins(complete=False)


def origin_of(line: KeyedLine) -> Origin:
    """The origin of a line in one of its sessions."""
    return line.epoch, line.offset, line.index, line.member


class SeenOrigins:
    """The greatest origins that were taken. Pure: no I/O.

    :param start: the offset of the first record to come.
    :param known: the origins that were taken before it.
    """

    def __init__(self, start: int, known: Origins) -> None:
        self._greatest, self._complete = dict(known.greatest), known.complete
        self._marks = [(start, known)]
        self.missing = 0
        """Lines that were left out because the line before them is missing."""

    def take(self, line: KeyedLine) -> bool:
        """Take a line; whether it comes for the first time."""
        origin, greatest = origin_of(line), self._greatest.get(line.partition)
        if greatest is not None and origin <= greatest:
            return False
        if line.after is not None and self._misses((line.epoch, *line.after), greatest):
            self.missing += 1
            return False
        self._greatest[line.partition] = origin
        return True

    def forget(self) -> None:
        """Forget all origins: some records before the next ones are not there any more."""
        self._greatest.clear()
        self._complete = False

    def mark(self, offset: int) -> None:
        """Keep the origins that were taken before this offset."""
        if offset <= self._marks[-1][0]:
            return
        self._marks.append((offset, Origins(dict(self._greatest), self._complete)))
        if len(self._marks) > MAX_MARKS:
            del self._marks[1:-1:2]

    def at(self, position: int) -> tuple[int, Origins]:
        """The last mark that is not behind a position: its offset and origins. Forgets the marks before it."""
        place = bisect_right(self._marks, position, key=lambda mark: mark[0]) - 1
        del self._marks[:place]
        return self._marks[0]

    def _misses(self, after: Origin, greatest: Origin | None) -> bool:
        """Whether the predecessor of a line is missing."""
        return self._complete if greatest is None else after > greatest
