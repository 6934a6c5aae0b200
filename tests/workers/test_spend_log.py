"""The budget of several workers on Apache Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka.admin import NewPartitions

from fusionlog.errors import BrokerError, TeacherError
from fusionlog.kafka.admin import create_topics
from fusionlog.kafka.client import admin_client
from fusionlog.kafka.producer import Producer
from fusionlog.kafka.table import read_all
from fusionlog.records import Spend
from fusionlog.settings import ExplainSettings, LabelSettings, Settings
from fusionlog.teachers.llm.shared_budget import SharedAccount
from fusionlog.teachers.llm.usage import UNUSED, Prices, Usage
from fusionlog.workers.spend_log import SpendLog, prices_of
from tests.agents.stage import until

PRICED = {"price_per_million_input": 1.0, "price_per_million_output": 4.0}


@asynccontextmanager
async def spending(settings: Settings, role: Any = "label", **label: Any) -> AsyncIterator[SpendLog]:
    """The budget as a worker of its own keeps it."""
    settings = settings.model_copy(update={"label": LabelSettings(**label)})
    producer = Producer(settings, role)
    await producer.start()
    spend = SpendLog(settings, producer, role)
    try:
        await spend.start()
        yield spend
    finally:
        await spend.stop()
        await producer.stop()


async def take_all(account: SharedAccount, tries: int) -> int:
    made = 0
    for _ in range(tries):
        try:
            charge = await account.take(UNUSED)
        except TeacherError:
            continue
        await charge.settle(Usage(10, 1))
        made += 1
    return made


@pytest.mark.kafka
async def test_workers_share_the_calls_of_the_hour_whatever_the_topic_looks_like(kafka_settings: Settings) -> None:
    await create_topics(kafka_settings)
    async with admin_client(kafka_settings.kafka) as admin:
        await admin.create_partitions({kafka_settings.topics.spend.name: NewPartitions(3)})
    async with spending(kafka_settings, calls_per_hour=30) as one, spending(kafka_settings, calls_per_hour=30) as two:
        accounts = [one.label_budget(), two.label_budget()]
        made = sum(await asyncio.gather(*(take_all(account, 5) for account in accounts * 4)))
        assert made == 30
        await until(lambda: [account.left for account in accounts] == [0, 0], 10)
    async with spending(kafka_settings, calls_per_hour=31) as again:
        assert again.label_budget().left == 1, "a restart keeps the spend"
        assert await take_all(again.label_budget(), 3) == 1
    found: list[Spend] = [record for _, record in await read_all(kafka_settings, kafka_settings.topics.spend)]
    assert sum(each.calls for each in found) == 31 and sum(each.prompt_tokens for each in found) == 310


@pytest.mark.kafka
async def test_label_and_explain_workers_share_the_money_of_the_day(kafka_settings: Settings) -> None:
    await create_topics(kafka_settings)
    money = {**PRICED, "budget_per_day": 3e-6}
    async with spending(kafka_settings, **money) as label, spending(kafka_settings, "explain", **money) as explain:
        await (await explain.explain_budget("shop").take(Usage(1))).settle(Usage(2))
        await (await label.label_budget().take(Usage(1))).settle(Usage(1))

        async def is_spent() -> bool:
            """Until the label worker's settlement is read, its call counts as under way, and none is made either."""
            with pytest.raises(TeacherError) as refused:
                await explain.explain_budget("shop").take(Usage(2))
            return "raise FUSIONLOG_LABEL__BUDGET_PER_DAY" in str(refused.value)

        await until(is_spent, 20)


@pytest.mark.kafka
async def test_a_missing_topic_names_the_command(kafka_settings: Settings) -> None:
    with pytest.raises(BrokerError, match="fusionlog topics create"):
        async with spending(kafka_settings):
            pass


def test_an_explaining_model_has_the_prices_of_the_labelling_one_unless_it_has_its_own() -> None:
    label = LabelSettings(**PRICED)
    assert prices_of(Settings(label=label), "label") == prices_of(Settings(label=label), "explain") == Prices(1.0, 4.0)
    own = Settings(label=label, explain=ExplainSettings(price_per_million_input=0.0))
    assert prices_of(own, "explain") == Prices(0.0, 4.0)
