"""The breaker: an endpoint that keeps failing is left alone for a while, then tried with one call."""

from __future__ import annotations

from fusionlog.errors import TeacherError
from fusionlog.types import Clock


class Breaker:
    """Closed, open, or half open.

    It opens after `failures` failed calls in a row, or at once by `trip`. After its pause one call is let through: its
    success closes the breaker, its failure opens it again.

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
    def open(self) -> bool:
        """Whether a call would be refused now."""
        return self._until is not None and (self._clock() < self._until or self._trying)

    def check(self) -> None:
        """Ask leave for one call; every call let through must be followed by `succeeded`, `failed`, `trip` or `left`.

        :raises TeacherError: the breaker is open; `retry_after` is when it lets a call through.
        """
        if self.open:
            raise TeacherError(f"the endpoint is left alone after failing: {self._why}", retry_after=self._wait())
        self._trying = self._until is not None

    def succeeded(self) -> None:
        """The endpoint answered."""
        self._row, self._until, self._trying = 0, None, False

    def failed(self, why: str) -> None:
        """The endpoint did not answer as it should."""
        self._row += 1
        self._why = why
        if self._row >= self.failures or self._trying:
            self.trip(why)

    def trip(self, why: str, seconds: float | None = None) -> None:
        """Open now, for `seconds` (default: its own)."""
        self._until = self._clock() + (self.seconds if seconds is None else seconds)
        self._why, self._trying = why, False

    def left(self) -> None:
        """A call that was let through was never sent, or was given up: no word on the endpoint."""
        self._trying = False

    def _wait(self) -> float:
        """Seconds until a call may be let through; while one is being tried, a whole pause."""
        assert self._until is not None
        return max(self._until - self._clock(), 0.0) or self.seconds
