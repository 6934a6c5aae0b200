"""The level of a line: the severity in its header, in one of a few words."""

from __future__ import annotations

from typing import Literal

from fusionlog.parsing.headers import Header

Level = Literal["", "warning", "error", "critical"]

_LEVELS: dict[Level, tuple[str, ...]] = {
    "warning": ("warning", "warn", "w", "4", "40"),
    "error": ("error", "err", "e", "severe", "failure", "3", "50"),
    "critical": ("critical", "crit", "fatal", "f", "panic", "alert", "emerg", "emergency", "2", "1", "0", "60"),
}
_BY_NAME = {name: level for level, names in _LEVELS.items() for name in names}


def level_of(line: str, header: Header) -> Level:
    """The level of a line, where its header has one: `warning`, `error` or `critical`; empty for a lower one or none.

    Names in any case and in brackets count, so do the letters of glog, syslog's 0 to 4 and the 40 to 60 of pino.
    """
    level = header.split(line).level
    return _BY_NAME.get(level.strip(" []():").lower(), "") if level else ""
