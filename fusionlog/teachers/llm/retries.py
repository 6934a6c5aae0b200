"""The pause before a failed call is repeated: the one that the endpoint asks for, else one that grows."""

from __future__ import annotations

import random

from tenacity import RetryCallState

from fusionlog.errors import TeacherError

LONGEST_WAIT = 60.0
"""The longest pause in seconds. Where the endpoint asks for more, the call fails and its windows wait in Kafka."""
FIRST_WAIT = 0.5


class TransientError(TeacherError):
    """The call failed in a way that a repetition may mend; `retry_after` is what the endpoint asked for, or None."""


class SlowError(TransientError):
    """There was no answer in time: a call with fewer units may have one."""


def pause(state: RetryCallState) -> float:
    """The seconds that the endpoint asked for; else half to all of 0.5, 1, 2, 4…, lest all workers call at once."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, TeacherError) else None
    growing = min(FIRST_WAIT * 2.0 ** min(state.attempt_number - 1, 30), LONGEST_WAIT)
    return growing * random.uniform(0.5, 1.0) if asked is None else asked
