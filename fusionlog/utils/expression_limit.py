"""A limit of CPU time for operators' regular expressions, which costs a line next to nothing.

No linear-time engine takes their place: the expressions of `re` have look-behind, possessive and atomic groups and
classes of Unicode, which RE2 has not, and its binding is 6 to 40 times as slow on a line. `re` looks for signals while
it matches. So a timer of the process's CPU time ticks four times within the limit, and where ticks find the main thread
in one and the same call for longer than that, the handler raises there: the expression ends. Lines that take too long
may come in thousands, and a worker that is busy for its session timeout loses its partitions: after three of them the
limit is a fiftieth, until none has come for a minute.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from types import FrameType
from typing import ParamSpec, TypeVar

from fusionlog.errors import Reason, RecordError

TICKS = 4
STRIKES = 3
"""So many lines that took too long lower the limit."""
LOWERED = 1 / 50
LOWERED_SECONDS = 60.0
REASON: Reason = "slow-expression"

P = ParamSpec("P")
R = TypeVar("R")


class SlowExpression(RecordError):
    """An expression took too long on a line."""


class Watch:
    """The expression that the main thread is in, and the number of calls so far."""

    __slots__ = ("calls", "expression", "slow_until")

    def __init__(self) -> None:
        self.calls = 0
        self.expression: str | None = None
        self.slow_until = 0.0

    @property
    def is_slow(self) -> bool:
        """Whether an expression took too long within the last minute."""
        return time.monotonic() < self.slow_until

    def guarded_search(self, expression: str, search: Callable[[str], R]) -> Callable[[str], R]:
        """As `guarded`, for what every line goes through: without any other arguments a call costs half."""

        def call(text: str) -> R:
            before, self.expression = self.expression, expression
            self.calls += 1
            try:
                return search(text)
            finally:
                self.expression = before

        return call

    def guarded(self, expression: str, function: Callable[P, R]) -> Callable[P, R]:
        """A function that runs an expression, such that `limited` ends it.

        :param expression: the setting and its value, for the error.
        """

        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            before, self.expression = self.expression, expression
            self.calls += 1
            try:
                return function(*args, **kwargs)
            finally:
                self.expression = before

        return call


@contextmanager
def limited(watch: Watch, seconds: float) -> Iterator[None]:
    """End what `watch` guards by a `SlowExpression`, where it takes more than so many seconds of CPU.

    A no-op outside of the main thread, which alone gets signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ticks, timer = _Ticks(watch, seconds), signal.getitimer(signal.ITIMER_VIRTUAL)
    before = signal.signal(signal.SIGVTALRM, ticks)
    signal.siginterrupt(signal.SIGVTALRM, False)
    ticks.restore()
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)
        signal.signal(signal.SIGVTALRM, before)
        signal.setitimer(signal.ITIMER_VIRTUAL, *timer)  # That of a limit around this one goes on.


class _Ticks:
    """The handler: notes at the first tick which call is under way, and raises at a later one of the same call."""

    def __init__(self, watch: Watch, seconds: float) -> None:
        self._watch, self._seconds, self._limit = watch, seconds, seconds
        self._call, self._since = -1, 0.0
        self._strikes = 0

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        watch, now = self._watch, time.thread_time()
        if self._strikes and not watch.is_slow:
            self.restore()
        if watch.expression is None:
            return
        if watch.calls != self._call:
            self._call, self._since = watch.calls, now
        elif now - self._since >= self._limit:
            raise self._strike(watch.expression)

    def restore(self) -> None:
        """Go back to the full limit."""
        self._strikes = 0
        self._set(self._seconds)

    def _strike(self, expression: str) -> SlowExpression:
        """The error of a call that took too long."""
        limit = self._limit
        self._strikes, self._watch.slow_until = self._strikes + 1, time.monotonic() + LOWERED_SECONDS
        if self._strikes == STRIKES:
            self._set(self._seconds * LOWERED)
        lowered = (
            f" (for a minute, after {STRIKES} lines that took {self._seconds:g} s)" if limit < self._seconds else ""
        )
        return SlowExpression(
            REASON,
            f"{expression} takes more than {limit:g} s of CPU on this line{lowered}: let what it repeats begin and end "
            "with different characters, or raise FUSIONLOG_INGEST__EXPRESSION_SECONDS",
        )

    def _set(self, limit: float) -> None:
        self._limit = limit
        signal.setitimer(signal.ITIMER_VIRTUAL, limit / TICKS, limit / TICKS)
