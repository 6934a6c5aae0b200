"""Sums over the spend records of all workers: calls within the last hour, money within the day of UTC."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import fsum

from fusionlog.errors import RecordError
from fusionlog.records import Spend

MINUTE, HOUR, DAY = 60, 3600, 86_400
KEPT_SECONDS = 2 * DAY
"""The age at which a record is removed. The day of UTC needs one day, a worker with a slow clock a little more."""
MOST_RECORDS = 500_000
"""A worker writes one a minute, a role and a system; so many, 0.5 kB each, are written by a fault alone."""
UNDER_WAY_SECONDS = 600
"""The age at which what is reserved counts as spent: its worker was killed."""

Account = tuple[str, str]
"""A role and a system; the system is empty where the budget is that of all systems."""


@dataclass(frozen=True)
class DaySpend:
    """What all workers spent within a day: money, the part of it that is held for requests under way, and tokens."""

    money: float = 0.0
    reserved: float = 0.0
    calls: int = 0
    estimated: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0


class SpendTotals:
    """The spend records by key, and the calls of each account by minute. All times are Unix times in seconds."""

    def __init__(self) -> None:
        self._records: dict[str, Spend] = {}
        self._calls: dict[Account, dict[int, int]] = {}

    def update(self, key: str, record: Spend | None) -> None:
        """Replace the record of a key; None removes it.

        :raises RecordError: `not-usable`: there are too many, and the key is new.
        """
        if record is not None and key not in self._records and len(self._records) >= MOST_RECORDS:
            raise RecordError(
                "not-usable", f"more than {MOST_RECORDS} records of what was spent within {KEPT_SECONDS // DAY} days"
            )
        before = self._records.pop(key, None)
        if before is not None:
            self._count(before, -before.calls)
        if record is not None:
            self._records[key] = record
            self._count(record, record.calls)

    def accounts(self) -> list[Account]:
        """The accounts that have records, in their order."""
        return sorted({(record.role, record.system) for record in self._records.values()})

    def calls(self, account: Account, now: float) -> int:
        """The calls of an account within the last hour. A call counts until its whole minute is an hour old."""
        return sum(calls for minute, calls in self._calls.get(account, {}).items() if _leaves(minute) > now)

    def free_at(self, account: Account, calls: int, now: float) -> float:
        """The time at which an account has fewer than so many calls within the hour before."""
        counted = self.calls(account, now)
        for minute, count in sorted(self._calls.get(account, {}).items()):
            if counted < calls:
                break
            if _leaves(minute) > now:
                counted, now = counted - count, _leaves(minute)
        return now

    def day(self, now: float) -> DaySpend:
        """What was spent within the present day of UTC."""
        return _sum((each for each in self._records.values() if each.minute // DAY == int(now) // DAY), now)

    def roles(self, now: float) -> dict[str, DaySpend]:
        """The same by role."""
        today = [each for each in self._records.values() if each.minute // DAY == int(now) // DAY]
        return {role: _sum((each for each in today if each.role == role), now) for role in ("label", "explain")}

    def expired(self, now: float) -> list[str]:
        """The keys of the records that no sum needs."""
        return [key for key, record in self._records.items() if record.minute + KEPT_SECONDS < now]

    def _count(self, record: Spend, calls: int) -> None:
        minutes = self._calls.setdefault((record.role, record.system), {})
        minutes[record.minute] = minutes.get(record.minute, 0) + calls
        if not minutes[record.minute]:
            del minutes[record.minute]


def next_day(now: float) -> float:
    """The beginning of the next day of UTC."""
    return float((int(now) // DAY + 1) * DAY)


def _leaves(minute: int) -> float:
    """The time at which the last call of a minute is an hour old."""
    return minute + MINUTE + HOUR


def _sum(records: Iterable[Spend], now: float) -> DaySpend:
    found = list(records)
    return DaySpend(
        money=fsum(each.money for each in found),
        reserved=fsum(each.reserved for each in found if each.minute + UNDER_WAY_SECONDS > now),
        calls=sum(each.calls for each in found),
        estimated=sum(each.estimated for each in found),
        prompt_tokens=sum(each.prompt_tokens for each in found),
        completion_tokens=sum(each.completion_tokens for each in found),
    )
