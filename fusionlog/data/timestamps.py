"""The timestamps of recorded lines, so that a recording can be replayed under its own clock."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

SYNTHETIC_STEP = 0.1
"""Seconds between two lines of a recording without timestamps."""

HEAD_CHARACTERS = 80
SAMPLE_LINES = 200

_READERS: tuple[tuple[re.Pattern[str], Callable[[str], datetime]], ...] = (
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,6})?"), lambda text: datetime.fromisoformat(text)),
    (re.compile(r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d"), lambda text: datetime.strptime(text, "%d/%b/%Y:%H:%M:%S")),
    (re.compile(r"^\d{6} \d{6}\b"), lambda text: datetime.strptime(text, "%y%m%d %H%M%S")),
)


def line_time(line: str) -> float | None:
    """The timestamp at the start of a line, Unix seconds as if in UTC; None without one in a known format."""
    for pattern, read in _READERS:
        if found := pattern.search(line[:HEAD_CHARACTERS]):
            try:
                return read(found.group()).replace(tzinfo=UTC).timestamp()
            except ValueError:
                return None
    return None


def has_clock(lines: Sequence[str]) -> bool:
    """Whether most lines have a timestamp; a date in a few of them is part of a message."""
    sample = lines[:SAMPLE_LINES]
    return 2 * sum(line_time(line) is not None for line in sample) > len(sample)


def line_times(lines: Sequence[str]) -> list[float]:
    """A non-decreasing time for each line: its timestamp if `has_clock`, else `SYNTHETIC_STEP` after the one before."""
    clock, times, now = has_clock(lines), [], 0.0
    for line in lines:
        stated = line_time(line) if clock else None
        now = max(now, stated) if stated is not None else now + SYNTHETIC_STEP
        times.append(now)
    return times


def ending_at(times: list[float], end: float) -> list[float]:
    """The times, shifted so that the last one is `end`."""
    return [time - times[-1] + end for time in times] if times else []
