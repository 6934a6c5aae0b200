"""The call budget: a number of calls within any hour."""

from __future__ import annotations

from collections import deque

from fusionlog.errors import TeacherError
from fusionlog.types import Clock

HOUR = 3600.0


class Budget:
    """A sliding window over the times of the last calls. Every request that leaves counts, repeated ones too.

    :param calls: calls allowed within `seconds`.
    :param clock: seconds that never go back.
    :param setting: the setting that the error names when the budget is spent.
    """

    def __init__(
        self, calls: int, clock: Clock, seconds: float = HOUR, setting: str = "FUSIONLOG_LABEL__CALLS_PER_HOUR"
    ) -> None:
        self.calls, self.seconds, self.setting = calls, seconds, setting
        self._clock = clock
        self._spent: deque[float] = deque()

    @property
    def left(self) -> int:
        """Calls that may be made at this moment."""
        self._forget()
        return self.calls - len(self._spent)

    @property
    def wait(self) -> float:
        """Seconds until a call may be made; 0 where one may be made now."""
        over = len(self._spent) - self.calls if self.left <= 0 else -1
        return 0.0 if over < 0 else max(self._spent[over] + self.seconds - self._clock(), 0.0)

    def spend(self) -> None:
        """Take one call.

        :raises TeacherError: none is left; `retry_after` is the seconds until the oldest leaves the window.
        """
        if self.left <= 0:
            raise TeacherError(
                f"the {self.calls} calls an hour are spent: windows wait, or raise {self.setting}",
                retry_after=self.wait,
            )
        self._spent.append(self._clock())

    def refund(self, calls: int) -> None:
        """Remove the last calls from the count: they brought no answer."""
        for _ in range(min(calls, len(self._spent))):
            self._spent.pop()

    def charge(self, calls: int, ago: float) -> None:
        """Count calls that were made so many seconds ago, by an earlier process or by another one."""
        if ago < self.seconds:
            self._spent = deque(sorted([*self._spent, *[self._clock() - ago] * calls]))

    def _forget(self) -> None:
        while self._spent and self._spent[0] + self.seconds <= self._clock():
            self._spent.popleft()
