"""The call budget: a number of calls within any hour, of one process or of all workers (see `shared_budget`)."""

from __future__ import annotations

from collections import deque
from typing import Protocol

from fusionlog.errors import TeacherError
from fusionlog.teachers.llm.usage import Usage
from fusionlog.types import Clock

HOUR = 3600.0


class Charge(Protocol):
    """A call that a budget pays for."""

    async def settle(self, usage: Usage) -> None:
        """Replace what was reserved by what the call used."""


class CallBudget(Protocol):
    """A budget of calls. Every request that leaves counts, repeated ones too."""

    @property
    def left(self) -> int:
        """Calls that may be made at this moment."""

    @property
    def wait(self) -> float:
        """Seconds until a call may be made; 0 where one may be made now."""

    async def take(self, most: Usage) -> Charge:
        """Take one call.

        :param most: what it may use.
        :raises TeacherError: none is left; `retry_after` is the seconds until one is.
        """

    async def refund(self, calls: int) -> None:
        """Remove the last calls from the count: they brought no answer."""


class Unpriced:
    """The charge of a budget that counts calls alone."""

    async def settle(self, usage: Usage) -> None:
        """Do nothing: the call was counted when it was taken."""


class Budget:
    """The budget of one process: a sliding window over the times of the last calls.

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

    async def take(self, most: Usage) -> Charge:
        """Take one call, whatever it uses.

        :raises TeacherError: none is left; `retry_after` is the seconds until one is.
        """
        self.spend()
        return Unpriced()

    async def refund(self, calls: int) -> None:
        """Remove the last calls from the count: they brought no answer."""
        for _ in range(min(calls, len(self._spent))):
            self._spent.pop()

    def _forget(self) -> None:
        while self._spent and self._spent[0] + self.seconds <= self._clock():
            self._spent.popleft()


class LimitedBudget:
    """At most so many calls of another budget."""

    def __init__(self, budget: CallBudget, calls: int) -> None:
        self._budget, self._calls, self._most = budget, calls, calls

    @property
    def left(self) -> int:
        """Calls that may be made at this moment."""
        return min(self._calls, self._budget.left)

    @property
    def wait(self) -> float:
        """Seconds until a call may be made; an hour where none of the limited number is left."""
        return self._budget.wait if self._calls > 0 else HOUR

    async def take(self, most: Usage) -> Charge:
        """Take one call of the other budget.

        :raises TeacherError: none is left, here or there.
        """
        if self._calls <= 0:
            raise TeacherError(f"the {self._most} requests that were allowed are spent", retry_after=HOUR)
        self._calls -= 1  # Before the other budget is waited for: several calls are taken at once.
        try:
            return await self._budget.take(most)
        except TeacherError:
            self._calls += 1
            raise

    async def refund(self, calls: int) -> None:
        """Return the last calls to the other budget; the limit stays."""
        await self._budget.refund(calls)
