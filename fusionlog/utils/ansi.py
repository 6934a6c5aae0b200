"""Terminal colours in log text."""

from __future__ import annotations

import re

_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def strip_ansi(text: str) -> str:
    """The text as a terminal shows it, without its colours."""
    return _COLOUR.sub("", text) if "\x1b" in text else text
