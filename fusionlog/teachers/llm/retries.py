"""The pause before a failed call is repeated: the one that the endpoint asks for, else one that grows."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from math import isfinite

from tenacity import RetryCallState, wait_random_exponential

from fusionlog.errors import TeacherError

LONGEST_WAIT = 60.0
"""The longest pause in seconds. Where the endpoint asks for more, the call fails and its windows wait in Kafka."""

_growing = wait_random_exponential(multiplier=0.5, max=LONGEST_WAIT)


class TransientError(TeacherError):
    """The call failed in a way that a repetition may mend; `retry_after` is what the endpoint asked for, or None."""


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that an answer asks to wait: OpenAI's `retry-after-ms`, or `Retry-After` in seconds or as a date.

    :param headers: by name in lower case, or in any case where the mapping does not mind.
    :param now: Unix time in seconds.
    """
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        seconds = _number(headers.get(name, ""))
        if seconds is not None:
            return max(seconds / unit, 0.0)
    try:
        return max(parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - now, 0.0)
    except ValueError:
        return None


def pause(state: RetryCallState) -> float:
    """The seconds that the endpoint asked for; else random within 0.5, 1, 2, 4…, lest all workers call at once."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, TeacherError) else None
    return _growing(state) if asked is None else asked


def _number(text: str) -> float | None:
    """A finite number, or None."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) else None
