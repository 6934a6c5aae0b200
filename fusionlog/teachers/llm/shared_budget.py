"""One budget of calls and money for all workers of a deployment, by a log that all of them append to and read.

A worker reserves a call before it makes it: it appends its own spend, the call included, and waits until that record
comes back from the log. The sums over the log up to there decide: within the budget the call is made, else the worker
appends its withdrawal and makes none. The log has one order for all, so that of two workers that reserve the last call
exactly one gets it, and all workers together make no call beyond the budget. Money is reserved by an estimate and
settled by the usage that the endpoint reports: it can exceed the budget only by what the calls under way cost beyond
their estimates. What a killed worker had reserved stays spent.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from msgspec.structs import replace

from fusionlog.errors import BrokerError, TeacherError
from fusionlog.observability import metrics
from fusionlog.records import Spend, SpendingRole
from fusionlog.teachers.llm.spend import MINUTE, Account, SpendTotals, next_day
from fusionlog.teachers.llm.usage import Prices, Usage
from fusionlog.types import Clock

RETURN_SECONDS = 150.0
"""Seconds until a reservation must have come back: longer than a producer keeps a record through an outage."""
UNDER_WAY_WAIT = 5.0
"""Seconds to wait where the calls under way hold what is left of the money."""
ROUNDING = 1e-9
"""The share of the day's budget that rounding may add."""
REFUNDABLE = 64
"""The last calls of an account that can be refunded; a question takes a few."""

Send = Callable[[str, Spend | None], Awaitable[None]]
"""Queues a record, or a tombstone, for the log: in the order of the calls."""


@dataclass
class _Reservation:
    """A record that has not come back from the log yet; whether it is granted is decided when it does."""

    account: Account
    calls: int
    granted: asyncio.Future[bool]
    number: int = 0


class SharedBudget:
    """The budget of a deployment as one worker counts it. `update` gets every record of the log, in its order.

    :param per_day: money within a day of UTC, of all roles; None: no limit.
    :param send: appends to the log. :param clock: Unix time in seconds.
    """

    def __init__(
        self, role: SpendingRole, prices: Prices, per_day: float | None, send: Send, clock: Clock = time.time
    ) -> None:
        self.role, self.prices, self.per_day, self.clock = role, prices, per_day, clock
        self.totals = SpendTotals()
        self._worker, self._number = uuid.uuid4().hex[:12], 0
        self._own: dict[str, Spend] = {}
        self._accounts: dict[Account, SharedAccount] = {}
        self._send = send
        self._turn, self._writing = asyncio.Lock(), asyncio.Lock()
        self._waiting: _Reservation | None = None

    def account(self, calls: int, setting: str, system: str = "") -> SharedAccount:
        """The account of this role, or of a system under it.

        :param calls: calls of all workers within an hour. :param setting: the setting of that number.
        """
        account = (self.role, system)
        return self._accounts.setdefault(account, SharedAccount(self, account, calls, setting))

    def update(self, key: str, record: Spend | None) -> None:
        """Count a record of the log; decide on the reservation that it makes."""
        self.totals.update(key, record)
        waiting = self._waiting
        if waiting is None or record is None or (record.worker, record.number) != (self._worker, waiting.number):
            return
        if not waiting.granted.done():
            within = self.totals.calls(waiting.account, self.clock()) <= waiting.calls
            waiting.granted.set_result(within and not self._beyond(0.0))

    def fail(self, error: Exception) -> None:
        """Fail the reservation under way: the log did not take it."""
        if self._waiting is not None and not self._waiting.granted.done():
            self._waiting.granted.set_exception(error)

    async def reserve(self, account: SharedAccount, most: Usage) -> SharedCharge:
        """Reserve a call in the log.

        :raises TeacherError: the calls or the money are spent; `retry_after` is the seconds until they are not.
        :raises BrokerError: the log did not take the reservation.
        """
        price = self.prices.of(most)
        async with self._turn:
            self._check(account, price)
            minute = int(self.clock()) // MINUTE * MINUTE
            charge = SharedCharge(self, account.id[1], minute, price)
            if not await self._granted(charge, account):
                await self.append(charge, calls=-1, money=-price, reserved=-price)
                raise TeacherError("other workers reserved the calls that were left", retry_after=UNDER_WAY_WAIT)
        metrics.LLM_BUDGET_SPENT.labels(self.role).set(0)
        metrics.LLM_SPENT_CALLS.labels(self.role).inc()
        self.show()
        return charge

    async def append(
        self, charge: SharedCharge, waiting: _Reservation | None = None, **added: float
    ) -> None:  # fmt: skip
        """Add to the numbers of this worker's record of a minute and a system, and append it."""
        async with self._writing:
            self._number += 1
            spend = Spend(
                worker=self._worker, number=0, role=self.role, minute=charge.minute, calls=0, system=charge.system
            )
            key = f"{self._worker}/{charge.minute}/{self.role}/{charge.system}"
            spend = self._own.get(key, spend)
            sums = {name: getattr(spend, name) + value for name, value in added.items()}
            self._own[key] = spend = replace(spend, number=self._number, **sums)
            if waiting is not None:
                waiting.number, self._waiting = self._number, waiting
            await self._send(key, spend)

    async def remove_expired(self) -> None:
        """Remove the records that no sum needs, those of workers that are gone among them."""
        for key in self.totals.expired(self.clock()):
            self._own.pop(key, None)
            await self._send(key, None)

    def show(self) -> None:
        """Set the metrics of what is left."""
        for account in self._accounts.values():
            metrics.LLM_CALLS_LEFT.labels(*account.id).set(max(account.left, 0))
        if self.per_day is not None:
            left = self.per_day - self.totals.day(self.clock()).money
            metrics.LLM_MONEY_LEFT.labels(self.role).set(max(left, 0.0))

    async def _granted(self, charge: SharedCharge, account: SharedAccount) -> bool:
        """Whether the reservation of a charge is within the budget at its place in the log."""
        waiting = _Reservation(account.id, account.calls, asyncio.get_running_loop().create_future())
        try:
            await self.append(charge, waiting, calls=1, money=charge.reserved, reserved=charge.reserved)
            async with asyncio.timeout(RETURN_SECONDS):
                return await waiting.granted
        except TimeoutError as error:
            raise BrokerError(f"Kafka did not return a reservation within {RETURN_SECONDS:.0f} s") from error
        finally:
            self._waiting = None

    def _check(self, account: SharedAccount, price: float) -> None:
        """Raise where a call would be beyond the budget.

        :raises TeacherError: with the time at which calls go on.
        """
        now = self.clock()
        problem, until = "", now
        if account.left <= 0:
            until = self.totals.free_at(account.id, account.calls, now)
            problem = (
                f"the {account.calls} calls an hour of all {self.role} workers are spent: "
                f"they go on at {_time(until)}, or raise {account.setting}"
            )
        elif self._beyond(price):
            problem, until = self._spent(price, now)
        if problem:
            metrics.LLM_BUDGET_SPENT.labels(self.role).set(1)
            self.show()
            raise TeacherError(problem, retry_after=max(until - now, 1.0))

    def _spent(self, price: float, now: float) -> tuple[str, float]:
        """Why a call of this price is beyond the day's budget, and when it is tried again."""
        assert self.per_day is not None
        day = self.totals.day(now)
        if price > self.per_day:
            problem = (
                f"a call may cost {price:.4g} and the day's budget is {self.per_day:.4g}: "
                "raise FUSIONLOG_LABEL__BUDGET_PER_DAY, or lower FUSIONLOG_LABEL__UNITS_PER_CALL"
            )
            return problem, next_day(now)
        if not self._beyond(price - day.reserved):
            return "the calls under way hold what is left of the day's budget", now + UNDER_WAY_WAIT
        until = next_day(now)
        problem = (
            f"{day.money:.4g} of the day's budget of {self.per_day:.4g} are spent, and a call may cost {price:.4g}: "
            f"calls go on at {_time(until)}, or raise FUSIONLOG_LABEL__BUDGET_PER_DAY"
        )
        return problem, until

    def _beyond(self, price: float) -> bool:
        """Whether so much more money would be beyond the day's budget."""
        if self.per_day is None:
            return False
        return self.totals.day(self.clock()).money + price > self.per_day * (1 + ROUNDING)


class SharedAccount:
    """The calls of a role, or of a system under it, within an hour: a `CallBudget`."""

    def __init__(self, budget: SharedBudget, id: Account, calls: int, setting: str) -> None:
        self.id, self.calls, self.setting = id, calls, setting
        self._budget = budget
        self._charges: deque[SharedCharge] = deque(maxlen=REFUNDABLE)

    @property
    def left(self) -> int:
        """Calls that may be made at this moment."""
        return self.calls - self._budget.totals.calls(self.id, self._budget.clock())

    @property
    def wait(self) -> float:
        """Seconds until a call may be made; 0 where one may be made now."""
        now = self._budget.clock()
        return self._budget.totals.free_at(self.id, self.calls, now) - now

    async def take(self, most: Usage) -> SharedCharge:
        """Take one call.

        :raises TeacherError: the calls or the money are spent; `retry_after` is the seconds until they are not.
        :raises BrokerError: the log did not take the reservation.
        """
        charge = await self._budget.reserve(self, most)
        self._charges.append(charge)
        return charge

    async def refund(self, calls: int) -> None:
        """Remove the last calls from the count: they brought no answer."""
        for _ in range(min(calls, len(self._charges))):
            await self._budget.append(self._charges.pop(), calls=-1)


@dataclass(frozen=True)
class SharedCharge:
    """A call that was reserved, in the minute of its reservation, and the money held for it."""

    budget: SharedBudget
    system: str
    minute: int
    reserved: float

    async def settle(self, usage: Usage) -> None:
        """Replace what was reserved by the price of what the call used."""
        budget, money = self.budget, self.budget.prices.of(usage)
        metrics.LLM_SPENT_MONEY.labels(budget.role).inc(money)
        metrics.LLM_SPENT_TOKENS.labels(budget.role, "prompt").inc(usage.prompt_tokens)
        metrics.LLM_SPENT_TOKENS.labels(budget.role, "completion").inc(usage.completion_tokens)
        metrics.LLM_ESTIMATED.labels(budget.role).inc(usage.estimated)
        await budget.append(
            self, money=money - self.reserved, reserved=-self.reserved, estimated=int(usage.estimated),
            prompt_tokens=usage.prompt_tokens, completion_tokens=usage.completion_tokens,
        )  # fmt: skip


def _time(at: float) -> str:
    """A Unix time as people read it, rounded up to the minute."""
    return datetime.fromtimestamp(-(-at // MINUTE) * MINUTE, UTC).strftime("%H:%M UTC")
