"""One budget for many workers: over a log that has one order and gives every worker its records late."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from prometheus_client import REGISTRY

from fusionlog.errors import BrokerError, TeacherError
from fusionlog.records import Spend
from fusionlog.teachers.llm import shared_budget
from fusionlog.teachers.llm.shared_budget import SharedAccount, SharedBudget
from fusionlog.teachers.llm.spend import DAY
from fusionlog.teachers.llm.usage import UNUSED, Prices, Usage

NOON = 20_000.0 * DAY + DAY / 2
SETTING = "FUSIONLOG_LABEL__CALLS_PER_HOUR"
CENT = Usage(1000, 1000)
"""Costs .01 by `PRICES`."""
PRICES = Prices(5.0, 5.0)


class Log:
    """Records in one order; each follower gets them after a random number of turns of the event loop."""

    def __init__(self, seed: int = 0) -> None:
        self.now, self.records = NOON, list[tuple[str, Spend | None]]()
        self.random, self.tasks = random.Random(seed), list[asyncio.Task[None]]()
        self.lost = False

    def worker(self, role: Any = "label", per_day: float | None = None, prices: Prices = PRICES) -> SharedBudget:
        budget = SharedBudget(role, prices, per_day, self._send, lambda: self.now)
        self.tasks.append(asyncio.create_task(self._follow(budget)))
        return budget

    def account(self, calls: int = 1000, system: str = "", **fields: Any) -> SharedAccount:
        """The account of a worker of its own."""
        return self.worker(**fields).account(calls, SETTING, system)

    async def _send(self, key: str, record: Spend | None) -> None:
        await self._turns(3)
        if not self.lost:
            self.records.append((key, record))

    async def _follow(self, budget: SharedBudget) -> None:
        place = 0
        while True:
            await self._turns(8)
            if place < len(self.records):
                budget.update(*self.records[place])
                place += 1

    async def _turns(self, most: int) -> None:
        for _ in range(self.random.randint(1, most)):
            await asyncio.sleep(0)

    async def settled(self) -> None:
        """Wait until every worker has read everything."""
        for _ in range(10 * len(self.records) + 50):
            await asyncio.sleep(0)

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


@pytest.fixture
async def log():
    made = Log()
    yield made
    await made.close()


async def take_all(account: SharedAccount, tries: int, usage: Usage = UNUSED, most: Usage = UNUSED) -> int:
    """Make calls, several at once as a label worker does; the number that was made."""

    async def one() -> int:
        try:
            charge = await account.take(most)
        except TeacherError:
            return 0
        await asyncio.sleep(0)
        await charge.settle(usage)
        return 1

    return sum(await asyncio.gather(*(one() for _ in range(tries))))


@pytest.mark.parametrize("seed", range(20))
async def test_any_number_of_workers_makes_no_call_beyond_the_budget(seed: int) -> None:
    log = Log(seed)
    accounts = [log.account(calls=17) for _ in range(1 + seed % 6)]
    made = sum(await asyncio.gather(*(take_all(account, 20) for account in accounts)))
    await log.settled()
    made += sum([await take_all(account, 20) for account in accounts])
    assert made == 17, "all of it, and not one more"
    await log.settled()
    assert {account.left for account in accounts} == {0}
    await log.close()


@pytest.mark.parametrize("seed", range(20))
async def test_money_is_exceeded_by_no_more_than_calls_under_way_cost_beyond_their_estimates(seed: int) -> None:
    log, dear = Log(seed), Usage(1500, 1500)
    accounts = [log.account(per_day=0.2) for _ in range(1 + seed % 6)]
    made = sum(await asyncio.gather(*(take_all(account, 10, dear, most=CENT) for account in accounts)))
    await log.settled()
    made += sum([await take_all(account, 10, dear, most=CENT) for account in accounts])
    spent, excess_of_one = made * 0.015, 0.005
    assert 0.2 - 0.01 < spent <= 0.2 + excess_of_one * made + 1e-9
    assert made <= 20, "each reserved a cent of the twenty"
    await log.close()


async def test_money_that_was_reserved_and_not_used_is_free_again(log: Log) -> None:
    account = log.account(per_day=0.02)
    for _ in range(10):
        charge = await account.take(CENT)
        await charge.settle(Usage(100, 100))
        await log.settled()
    await account.take(CENT)


async def test_calls_under_way_that_hold_the_rest_are_a_matter_of_seconds(log: Log) -> None:
    account, other = log.account(per_day=0.02), log.account(per_day=0.02, role="explain")
    charge = await account.take(CENT)
    await other.take(CENT)
    await log.settled()
    with pytest.raises(TeacherError, match="under way hold what is left") as caught:
        await account.take(CENT)
    assert caught.value.retry_after == shared_budget.UNDER_WAY_WAIT
    await charge.settle(UNUSED)
    await log.settled()
    await account.take(CENT)


async def test_the_error_names_the_time_at_which_calls_go_on(log: Log) -> None:
    account = log.account(calls=2)
    await take_all(account, 2)
    log.now += 120
    await log.settled()
    with pytest.raises(
        TeacherError, match=f"the 2 calls an hour of all label workers .* at 13:01 UTC, or raise {SETTING}"
    ) as caught:
        await account.take(UNUSED)
    assert caught.value.retry_after == account.wait == 3540
    log.now += account.wait
    await account.take(UNUSED)


async def test_the_days_money_is_back_at_midnight(log: Log) -> None:
    account = log.account(per_day=0.01)
    await (await account.take(CENT)).settle(CENT)
    await log.settled()
    with pytest.raises(TeacherError, match=r"0\.01 of the day's budget of 0\.01 are spent") as caught:
        await account.take(CENT)
    assert caught.value.retry_after == DAY / 2
    log.now += DAY / 2
    await account.take(CENT)


async def test_a_call_that_costs_more_than_the_day_has_names_the_settings(log: Log) -> None:
    with pytest.raises(
        TeacherError, match="raise FUSIONLOG_LABEL__BUDGET_PER_DAY, or lower FUSIONLOG_LABEL__UNITS_PER"
    ):
        await log.account(per_day=0.001).take(CENT)
    assert log.records == []


async def test_a_worker_that_starts_again_finds_what_was_spent(log: Log) -> None:
    await take_all(log.account(calls=5), 3)
    await log.settled()
    again = log.account(calls=5)
    await log.settled()
    assert again.left == 2 and await take_all(again, 5) == 2


async def test_a_killed_worker_leaves_no_more_than_it_had_reserved(log: Log) -> None:
    await log.account(calls=5, per_day=0.05).take(CENT)
    other = log.account(calls=5, per_day=0.05)
    await log.settled()
    assert other.left == 4 and await take_all(other, 9, CENT, CENT) == 4


async def test_systems_have_calls_of_their_own_and_the_money_of_all(log: Log) -> None:
    worker = log.worker(role="explain", per_day=0.03)
    shop, mill = (worker.account(2, SETTING, system) for system in ("shop", "mill"))
    assert await take_all(shop, 5, CENT, CENT) == 2
    await log.settled()
    assert await take_all(mill, 5, CENT, CENT) == 1 and mill.left == 1


async def test_refunded_calls_may_be_made_again_by_any_worker(log: Log) -> None:
    first, second = log.account(calls=2), log.account(calls=2)
    await take_all(first, 2)
    await first.refund(1)
    await first.refund(5)
    await log.settled()
    assert (first.left, second.left) == (2, 2)


async def test_tokens_and_estimated_calls_are_published(log: Log) -> None:
    account = log.account()
    await (await account.take(CENT)).settle(Usage(70, 7, estimated=True))
    await (await account.take(CENT)).settle(Usage(30, 3))
    key, last = log.records[-1]
    assert last is not None and key == f"{last.worker}/{int(NOON)}/label/"
    assert (last.calls, last.prompt_tokens, last.completion_tokens, last.estimated) == (2, 100, 10, 1)
    assert last.money == pytest.approx(110 * 5e-6) and last.reserved == pytest.approx(0.0)


async def test_records_of_two_days_ago_are_removed_whoever_wrote_them(log: Log) -> None:
    await take_all(log.account(), 3)
    await log.settled()
    log.now += 3 * DAY
    other = log.worker()
    await log.settled()
    await other.remove_expired()
    await log.settled()
    assert log.records[-1][1] is None and other.totals.accounts() == []
    records = len(log.records)
    await other.remove_expired()
    assert len(log.records) == records


async def test_a_reservation_that_does_not_come_back_ends_the_worker(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_budget, "RETURN_SECONDS", 0.0)
    log.lost = True
    with pytest.raises(BrokerError, match="did not return a reservation"):
        await log.account().take(UNUSED)


async def test_a_reservation_that_the_log_refuses_fails(log: Log) -> None:
    log.lost, worker = True, log.worker()
    taking = asyncio.create_task(worker.account(5, SETTING).take(UNUSED))
    await log.settled()
    worker.fail(BrokerError("no"))
    with pytest.raises(BrokerError, match="no"):
        await taking
    worker.fail(BrokerError("nothing waits"))


async def test_what_is_left_is_measured_for_the_deployment_and_what_is_spent_for_the_worker(log: Log) -> None:
    before = {name: sample(name, "explain") or 0.0 for name in ("spent_calls_total", "spent_money_total")}
    worker, other = (log.worker(role="explain", per_day=0.05) for _ in range(2))
    shop = worker.account(2, SETTING, "shop-of-this-test")
    await (await shop.take(CENT)).settle(CENT)
    await take_all(other.account(2, SETTING, "shop-of-this-test"), 1, CENT, CENT)
    await log.settled()
    worker.show()
    assert sample("money_left", "explain") == pytest.approx(0.03)
    assert REGISTRY.get_sample_value(
        "fusionlog_llm_calls_left", {"role": "explain", "system": "shop-of-this-test"}
    ) == 0  # fmt: skip
    assert sample("spent_calls_total", "explain") - before["spent_calls_total"] == 2  # type: ignore[operator]
    assert sample("spent_money_total", "explain") - before["spent_money_total"] == pytest.approx(0.02)  # type: ignore[operator]
    with pytest.raises(TeacherError):
        await shop.take(CENT)
    assert sample("budget_spent", "explain") == 1
    log.now += 3660
    await shop.take(CENT)
    assert sample("budget_spent", "explain") == 0


def sample(name: str, role: str) -> float | None:
    return REGISTRY.get_sample_value(f"fusionlog_llm_{name}", {"role": role})
