"""A recorded system's lines with their times, ready to be written to its raw topic."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from fusionlog.data.systems import FORM, Session, read_sessions, read_stream
from fusionlog.data.timestamps import ending_at, line_times
from fusionlog.errors import DataError
from fusionlog.settings import SystemSettings
from fusionlog.utils.json_format import JsonFormat


@dataclass(frozen=True)
class Feed:
    """Lines and their times (Unix seconds, never going back, the last one now), in the order they are written."""

    lines: list[str]
    times: list[float]
    window_size: int | None
    session_ids: list[str]

    def session_of(self, session: str, first_line: int) -> str:
        """The recorded session that a window is of: its key, or for windows by count the place of its first line."""
        if self.window_size is None:
            return session
        place = first_line // self.window_size
        return self.session_ids[place] if place < len(self.session_ids) else session


def read_feed(directory: Path, system: str, settings: SystemSettings) -> Feed:
    """A system's stream, or where there is none its sessions one after the other.

    :raises DataError: there is nothing to read.
    """
    sessions, json_lines = read_sessions(directory, system), JsonFormat(settings.json_line)
    if (directory / system / "stream.log.gz").exists():
        lines = list(read_stream(directory, system))
        times = line_times([json_lines.text(line) for line in lines])
    else:
        lines, times = _in_turn(sessions, settings.window.idle_seconds + 1.0, json_lines)
    if not lines:
        raise DataError(directory / system, "no lines in it", FORM)
    size = settings.window.size if settings.window.by == "count" else None
    return Feed(lines, ending_at(times, time.time()), size, [session.id for session in sessions])


def _in_turn(sessions: list[Session], gap: float, json_lines: JsonFormat) -> tuple[list[str], list[float]]:
    """Sessions that were cut beforehand have no common clock: each starts `gap` seconds after the one before ended."""
    lines: list[str] = []
    times: list[float] = []
    now = 0.0
    for session in sessions:
        own = line_times([json_lines.text(line) for line in session.lines])
        start = own[0] if own else 0.0
        times += [now + (stated - start) for stated in own]
        lines += session.lines
        now = (times[-1] if times else 0.0) + gap
    return lines, times
