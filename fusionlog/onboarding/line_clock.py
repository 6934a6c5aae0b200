"""The times at the beginning of lines, whatever their notation: for the gaps within the sessions of a sample."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC
from typing import NamedTuple

from fusionlog.parsing.times import plausible, seconds_of

TRIED_LINES = 100
TIMED_SHARE = 0.8
MAX_START, MAX_COLUMNS = 3, 6
_AROUND = "[](){}<>'\",;|"


class _Stamp(NamedTuple):
    """The columns of the time: from, to."""

    start: int
    end: int


def line_times(texts: Sequence[str]) -> list[float | None]:
    """The time of each line in Unix seconds; all None where most lines do not begin with one."""
    step = max(1, len(texts) // TRIED_LINES)
    stamp = _find_stamp(texts[::step])
    if stamp is None:
        return [None] * len(texts)
    known: dict[str, float | None] = {}
    times: list[float | None] = []
    for text in texts:
        written = _written(text, stamp)
        if written not in known:
            known[written] = _seconds(written)
        times.append(known[written])
    return times


def _find_stamp(texts: Sequence[str]) -> _Stamp | None:
    """The fewest leading columns that are a time in most lines: of those from one place, the most precise."""
    for stamp in _stamps():
        if sum(_seconds(_written(text, stamp)) is not None for text in texts) >= TIMED_SHARE * len(texts) > 0:
            return stamp
    return None


def _stamps() -> Iterator[_Stamp]:
    return (_Stamp(start, start + count) for start in range(MAX_START) for count in range(1, MAX_COLUMNS))


def _written(text: str, stamp: _Stamp) -> str:
    columns = text.split(maxsplit=stamp.end)[stamp.start : stamp.end]
    return " ".join(column.strip(_AROUND) for column in columns)


def _seconds(written: str) -> float | None:
    """The seconds of a time; a number without a clock may be anything, so it must be a present one with its seconds."""
    if ":" not in written and not written.replace(" ", "").replace(".", "").replace("-", "").isdigit():
        return None
    seconds = seconds_of(written, UTC, None, clock_alone=True)
    return seconds if seconds is not None and plausible(seconds, None) else None
