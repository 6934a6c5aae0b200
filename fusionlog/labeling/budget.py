"""The budget: how many calls an endpoint may be sent within any hour."""

from __future__ import annotations

from collections import deque

from fusionlog.errors import TeacherError
from fusionlog.types import Clock

HOUR = 3600.0


class Budget:
    """A sliding window over the times of the last calls. Every request that leaves counts, repeated ones too.

    :param calls: calls allowed within `seconds`.
    :param clock: seconds that never go back.
    """

    def __init__(self, calls: int, clock: Clock, seconds: float = HOUR) -> None:
        self.calls, self.seconds = calls, seconds
        self._clock = clock
        self._spent: deque[float] = deque()

    @property
    def left(self) -> int:
        """Calls that may be made at this moment."""
        self._forget()
        return self.calls - len(self._spent)

    def spend(self) -> None:
        """Take one call.

        :raises TeacherError: none is left; `retry_after` is when the oldest leaves the window.
        """
        if self.left <= 0:
            wait = self._spent[0] + self.seconds - self._clock()
            raise TeacherError(
                f"the {self.calls} calls an hour are spent: windows wait, or raise FUSIONLOG_LABEL__CALLS_PER_HOUR",
                retry_after=max(wait, 0.0),
            )
        self._spent.append(self._clock())

    def _forget(self) -> None:
        while self._spent and self._spent[0] + self.seconds <= self._clock():
            self._spent.popleft()
