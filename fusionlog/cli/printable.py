"""Text of log lines on a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text without control characters: a log line may contain terminal escape codes."""
    return "".join(each if each.isprintable() else "?" for each in text)
