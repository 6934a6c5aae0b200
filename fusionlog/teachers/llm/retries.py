"""The pause before a failed call is repeated: the one that the endpoint asks for, else one that grows."""

from __future__ import annotations

import random
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from math import isfinite

from tenacity import RetryCallState

from fusionlog.errors import TeacherError

LONGEST_WAIT = 60.0
"""The longest pause in seconds. Where the endpoint asks for more, the call fails and its windows wait in Kafka."""
LONGEST_ABSENCE = 3600.0
"""The longest time in seconds that an endpoint is left alone because it asked for it."""
FIRST_WAIT = 0.5


class TransientError(TeacherError):
    """The call failed in a way that a repetition may mend; `retry_after` is what the endpoint asked for, or None."""


class SlowError(TransientError):
    """There was no answer in time: a call with fewer units may have one."""


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


def pause(state: RetryCallState) -> float:
    """The seconds that the endpoint asked for; else half to all of 0.5, 1, 2, 4…, lest all workers call at once."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, TeacherError) else None
    growing = min(FIRST_WAIT * 2.0 ** min(state.attempt_number - 1, 30), LONGEST_WAIT)
    return growing * random.uniform(0.5, 1.0) if asked is None else asked


def _number(text: str) -> float | None:
    """A finite number, or None."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) else None
