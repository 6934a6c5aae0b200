"""What is spent and what is left of the budgets of a deployment, for people and programs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec import Struct

from fusionlog.settings import Settings
from fusionlog.teachers.llm.spend import DaySpend, SpendTotals, next_day


class CallsLeft(Struct, frozen=True):
    """The calls of a role within the last hour, of explain workers those about a system.

    `budget` is the setting, `free_at` the Unix time at which a call may be made.
    """

    role: str
    system: str
    calls: int
    budget: int
    left: int
    free_at: float


class DayLeft(Struct, frozen=True):
    """The spend of the present day of UTC; `budget` and `left` are null without a limit. `by_role` has the money."""

    date: str
    money: float
    reserved: float
    budget: float | None
    left: float | None
    resets_at: float
    calls: int
    estimated_calls: int
    prompt_tokens: int
    completion_tokens: int
    by_role: dict[str, float]


class SpendSummary(Struct, frozen=True):
    """The calls of the hour by role and system, and the day."""

    hour: tuple[CallsLeft, ...]
    day: DayLeft


def summary_of(totals: SpendTotals, settings: Settings, now: float) -> SpendSummary:
    """The summary of the spend at a Unix time, against the budgets of the settings."""
    systems = {system for role, system in totals.accounts() if role == "explain"} | set(settings.systems)
    accounts = [("label", ""), *(("explain", system) for system in sorted(systems))]
    hour = tuple(_calls_left(totals, account, settings, now) for account in accounts)
    return SpendSummary(hour, _day_left(totals, settings.label.budget_per_day, now))


def lines_of(summary: SpendSummary) -> Iterator[str]:
    """The summary as lines for people."""
    for each in summary.hour:
        until = "" if each.left else f", the next one at {_time(each.free_at)}"
        who = f"{each.role:8}{each.system}: " if each.system else f"{each.role:8}"
        yield f"{who}{each.calls} of {each.budget} calls within the last hour, {each.left} left{until}"
    day = summary.day
    limit = "" if day.budget is None else f" of {day.budget:.4g}"
    left = "" if day.left is None else f", {day.left:.4g} left until {_time(day.resets_at)}"
    roles = ", ".join(f"{role} {money:.4g}" for role, money in day.by_role.items())
    yield f"{'today':8}{day.money:.4g}{limit} spent ({roles}){left}"
    yield f"{'':8}{day.calls} calls, {day.prompt_tokens} tokens of prompts, {day.completion_tokens} of answers"
    if day.estimated_calls:
        yield f"{'':8}{day.estimated_calls} calls had no token counts: theirs are estimated from the texts"


def _calls_left(totals: SpendTotals, account: tuple[str, str], settings: Settings, now: float) -> CallsLeft:
    role, system = account
    budget = settings.label.calls_per_hour if role == "label" else settings.explain.calls_per_hour
    calls = totals.calls(account, now)
    return CallsLeft(role, system, calls, budget, max(budget - calls, 0), totals.free_at(account, budget, now))


def _day_left(totals: SpendTotals, budget: float | None, now: float) -> DayLeft:
    day: DaySpend = totals.day(now)
    return DayLeft(
        date=datetime.fromtimestamp(now, UTC).date().isoformat(),
        money=day.money,
        reserved=day.reserved,
        budget=budget,
        left=None if budget is None else max(budget - day.money, 0.0),
        resets_at=next_day(now),
        calls=day.calls,
        estimated_calls=day.estimated,
        prompt_tokens=day.prompt_tokens,
        completion_tokens=day.completion_tokens,
        by_role={role: each.money for role, each in totals.roles(now).items()},
    )


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M UTC")
