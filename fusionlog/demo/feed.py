"""The lines of a recorded system with their times, as input of its raw topic."""

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
    """Lines in the order they are written, with their times (Unix seconds, non-decreasing, the last one now)."""

    lines: list[str]
    times: list[float]
    window_size: int | None
    session_ids: list[str]

    def session_of(self, session: str, first_line: int) -> str:
        """The recorded session of a window: its key, or for windows by count that of its first line's index."""
        if self.window_size is None:
            return session
        place = first_line // self.window_size
        return self.session_ids[place] if place < len(self.session_ids) else session


def read_feed(directory: Path, system: str, settings: SystemSettings) -> Feed:
    """Read a system's stream, else its sessions one after the other.

    :raises DataError: the system has no lines.
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
    """The lines and times of sessions one after the other.

    Separate sessions have no common clock: each starts `gap` seconds after the one before has ended.
    """
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
