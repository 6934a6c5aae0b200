"""Text and times as a terminal shows them, and the name of its user."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime


def printable(text: str) -> str:
    """The text without control characters: a log line may contain terminal escape codes."""
    return "".join(each if each.isprintable() else "?" for each in text)


def at(seconds: float) -> str:
    """A Unix time, in seconds, as date and time in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def user() -> str:
    """The name of the user of this process; a container may have none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def ago(seconds: float) -> str:
    """A span of time in its greatest unit of which there are two or more: `90 s`, `3 h`, `12 d`."""
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"
