"""The spend of all label and explain workers, in a topic of one partition that each of them writes and follows."""

from __future__ import annotations

import asyncio

import structlog

from fusionlog.errors import BrokerError
from fusionlog.kafka import failures
from fusionlog.kafka.client import kafka_errors
from fusionlog.kafka.producer import Ack, Producer
from fusionlog.kafka.stopping import cancelled
from fusionlog.kafka.table import Table
from fusionlog.kafka.table_dead_letters import TableDeadLetters
from fusionlog.records import Spend, SpendingRole
from fusionlog.settings import Settings
from fusionlog.teachers.llm.shared_budget import SharedAccount, SharedBudget
from fusionlog.teachers.llm.usage import Prices

log = structlog.get_logger(__name__)

SHOW_SECONDS = 10.0
"""Seconds between two updates of the metrics, and between two removals of records that no sum needs."""
PARTITION = 0
"""All records lie in one partition, however many the topic has: their order decides who gets the last call."""


class SpendLog:
    """The budget of the deployment for one worker, kept in Kafka."""

    def __init__(self, settings: Settings, producer: Producer, role: SpendingRole) -> None:
        self._settings, self._producer = settings, producer
        self._topic = settings.topics.spend
        self._budget = SharedBudget(role, prices_of(settings, role), settings.label.budget_per_day, self._send)
        self._table = Table(settings, self._topic, self._budget.update, TableDeadLetters(settings, producer, role))
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read what was spent, then follow it.

        :raises BrokerError: Kafka does not answer, or the topic is missing.
        """
        await self._table.start()
        self._task = asyncio.create_task(self._keep(), name="spend")

    @property
    def background(self) -> tuple[asyncio.Task[None], ...]:
        """The tasks that follow the topic and keep it small: none of them ends by itself."""
        return (*self._table.background, *(() if self._task is None else (self._task,)))

    async def stop(self) -> None:
        """Stop following."""
        await cancelled(self._task)
        await self._table.stop()

    def label_budget(self) -> SharedAccount:
        """The budget of all label workers."""
        return self._budget.account(self._settings.label.calls_per_hour, "FUSIONLOG_LABEL__CALLS_PER_HOUR")

    def explain_budget(self, system: str) -> SharedAccount:
        """The budget of all explain workers for a system."""
        return self._budget.account(self._settings.explain.calls_per_hour, "FUSIONLOG_EXPLAIN__CALLS_PER_HOUR", system)

    async def _send(self, key: str, record: Spend | None) -> None:
        async with kafka_errors(self._settings.kafka, f"writing {self._topic.name}", "Write"):
            ack = await self._producer.send(self._topic, key, record, PARTITION)
        ack.add_done_callback(self._acknowledged)

    def _acknowledged(self, ack: Ack) -> None:
        error = None if ack.cancelled() else ack.exception()
        if error is None:
            return
        why = failures.reason(error, self._settings.kafka, "Write")
        log.error("what was spent is not in Kafka", topic=self._topic.name, error=why)
        self._budget.fail(BrokerError(f"Kafka did not take a reservation in {self._topic.name}: {why}"))

    async def _keep(self) -> None:
        while True:
            self._budget.show()
            try:
                await self._budget.remove_expired()
            except BrokerError as error:
                log.warning("old records of what was spent stay for now", error=str(error))
            await asyncio.sleep(SHOW_SECONDS)


def prices_of(settings: Settings, role: SpendingRole) -> Prices:
    """The prices of a role's model."""
    label, explain = settings.label, settings.explain
    if role == "label":
        return Prices(label.price_per_million_input, label.price_per_million_output)
    given, answered = explain.price_per_million_input, explain.price_per_million_output
    return Prices(
        label.price_per_million_input if given is None else given,
        label.price_per_million_output if answered is None else answered,
    )
