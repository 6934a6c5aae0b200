"""Sums over the spend of all workers."""

from __future__ import annotations

from typing import Any

import pytest

from fusionlog.errors import RecordError
from fusionlog.records import Spend
from fusionlog.teachers.llm import spend as spending
from fusionlog.teachers.llm.spend import DAY, SpendTotals, next_day

NOON = 20_000.0 * DAY + DAY / 2
LABEL = ("label", "")


def spend(calls: int = 1, at: float = NOON, **fields: Any) -> Spend:
    fields = {"worker": "w", "number": 1, "role": "label", **fields}
    return Spend(minute=int(at) // 60 * 60, calls=calls, **fields)


def totals(*records: Spend) -> SpendTotals:
    made = SpendTotals()
    for number, record in enumerate(records):
        made.update(str(number), record)
    return made


def test_calls_count_for_an_hour_after_their_minute() -> None:
    found = totals(spend(3), spend(2, NOON + 600))
    assert found.calls(LABEL, NOON + 600) == 5
    assert found.calls(LABEL, NOON + 3659) == 5 and found.calls(LABEL, NOON + 3660) == 2
    assert found.calls(LABEL, NOON + 4260) == 0


def test_the_calls_of_an_account_are_its_own() -> None:
    found = totals(spend(3), spend(2, role="explain", system="shop"), spend(1, role="explain", system="a/b"))
    assert found.accounts() == [("explain", "a/b"), ("explain", "shop"), LABEL]
    assert [found.calls(account, NOON) for account in found.accounts()] == [1, 2, 3]


def test_the_last_record_of_a_key_counts_and_a_tombstone_removes_it() -> None:
    found = totals(spend(3))
    found.update("0", spend(5, money=2.0))
    assert (found.calls(LABEL, NOON), found.day(NOON).money) == (5, 2.0)
    found.update("0", None)
    found.update("never", None)
    assert (found.calls(LABEL, NOON), found.day(NOON).money, found.accounts()) == (0, 0.0, [])


def test_calls_go_on_when_enough_have_left_the_hour() -> None:
    found = totals(spend(3), spend(2, NOON + 600), spend(1, NOON + 660))
    assert found.free_at(LABEL, 7, NOON + 700) == NOON + 700
    assert found.free_at(LABEL, 6, NOON + 700) == NOON + 3660
    assert found.free_at(LABEL, 3, NOON + 700) == NOON + 4260
    assert found.free_at(LABEL, 1, NOON + 700) == NOON + 4320
    assert totals().free_at(LABEL, 1, NOON) == NOON


def test_a_day_begins_at_midnight_of_utc_for_all_roles_together() -> None:
    found = totals(
        spend(money=1.0, at=NOON - DAY), spend(money=2.0, prompt_tokens=7), spend(money=4.0, role="explain"),
        spend(money=8.0, at=next_day(NOON)),
    )  # fmt: skip
    assert (found.day(NOON).money, found.day(NOON).prompt_tokens) == (6.0, 7)
    assert {role: day.money for role, day in found.roles(NOON).items()} == {"label": 2.0, "explain": 4.0}
    assert found.day(next_day(NOON)).money == 8.0 and next_day(next_day(NOON) - 1) == next_day(NOON)


def test_what_a_killed_worker_reserved_is_spent_after_a_while() -> None:
    found = totals(spend(money=1.0, reserved=0.5))
    assert (found.day(NOON).reserved, found.day(NOON + 700).reserved, found.day(NOON + 700).money) == (0.5, 0.0, 1.0)


def test_records_expire_after_two_days() -> None:
    found = totals(spend(at=NOON), spend(at=NOON + DAY))
    assert found.expired(NOON + 2 * DAY) == [] and found.expired(NOON + 2 * DAY + 60) == ["0"]


def test_a_flood_of_records_is_refused_and_known_ones_are_still_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spending, "MOST_RECORDS", 2)
    found = totals(spend(3), spend(2))
    with pytest.raises(RecordError, match="more than 2 records of what was spent within 2 days"):
        found.update("2", spend(1))
    found.update("0", spend(4))
    assert found.calls(LABEL, NOON) == 6
    found.update("1", None)
    found.update("2", spend(1))
    assert found.calls(LABEL, NOON) == 5
