"""The wait that an HTTP answer asks for."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from math import isfinite

LONGEST_ABSENCE = 3600.0
"""The longest time in seconds that an endpoint is left alone because it asked for it."""


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that an answer asks to wait: OpenAI's `retry-after-ms`, or `Retry-After` in seconds or as a date.

    None where it asks for nothing: no header, a wait of 0, a date that has gone by. At most `LONGEST_ABSENCE`.

    :param headers: by name in lower case, or in any case where the mapping does not mind.
    :param now: Unix time in seconds.
    """
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        seconds = _number(headers.get(name, ""))
        if seconds is not None and seconds > 0:
            return min(seconds / unit, LONGEST_ABSENCE)
    try:
        seconds = parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - now
    except (ValueError, OverflowError):
        return None
    return min(seconds, LONGEST_ABSENCE) if seconds > 0 else None


def _number(text: str) -> float | None:
    """A finite number, or None."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) else None
