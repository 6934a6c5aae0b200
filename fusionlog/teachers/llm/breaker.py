"""A circuit breaker: calls to an endpoint that keeps failing stop for a while; then one call tests it."""

from __future__ import annotations

import structlog

from fusionlog.errors import TeacherError
from fusionlog.types import Clock

log = structlog.get_logger(__name__)


class Breaker:
    """The state of an endpoint: closed, open, or half open.

    The breaker opens after `failures` failed calls in a row, or at once by `trip`. After its pause one call is let
    through: its success closes the breaker, its failure opens it again.

    :param seconds: how long it stays open.
    :param clock: seconds that never go back.
    """

    def __init__(self, failures: int, seconds: float, clock: Clock) -> None:
        self.failures, self.seconds = failures, seconds
        self._clock = clock
        self._row = 0
        self._until: float | None = None
        self._trying = False
        self._why = ""

    @property
    def testing(self) -> bool:
        """Whether the call under way decides if it closes."""
        return self._trying

    @property
    def why(self) -> str | None:
        """Why the endpoint is left alone, until a call succeeds; None where it is not."""
        return None if self._until is None else self._why

    @property
    def open(self) -> bool:
        """Whether a call would be refused now."""
        return self._until is not None and (self._clock() < self._until or self._trying)

    def check(self) -> None:
        """Raise where a call is refused now; after a call comes one of `succeeded`, `failed`, `trip` and `left`.

        :raises TeacherError: the breaker is open; `retry_after` is the seconds until it lets a call through.
        """
        if self.open:
            raise TeacherError(f"the endpoint is left alone after failing: {self._why}", retry_after=self._wait())
        self._trying = self._until is not None

    def succeeded(self) -> None:
        """Record a success, and close."""
        if self._until is not None:
            log.info("the endpoint answers again", before=self._why)
        self._row, self._until, self._trying = 0, None, False

    def failed(self, why: str) -> None:
        """Record a failure, and open after `failures` of them in a row, or after one while half open."""
        self._row += 1
        self._why = why
        if self._row >= self.failures or self._trying:
            self.trip(why)

    def trip(self, why: str, seconds: float | None = None) -> None:
        """Open now, for `seconds` (default: its own). Logged once, until it closes."""
        if self._until is None:
            log.warning("the endpoint is left alone", why=why)
        self._until = self._clock() + (self.seconds if seconds is None else seconds)
        self._why, self._trying = why, False

    def left(self) -> None:
        """Record a call without a result: it was never sent, or was cancelled. It counts neither way."""
        self._trying = False

    def _wait(self) -> float:
        """Seconds until a call may be let through; while one is being tried, a whole pause."""
        assert self._until is not None
        return max(self._until - self._clock(), 0.0) or self.seconds
