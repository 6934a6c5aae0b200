"""The state of this worker on the topic `workers`: on a change, each ten seconds, and at its end."""

from __future__ import annotations

import asyncio
import time

import structlog
from aiokafka.errors import KafkaError

from fusionlog.errors import BrokerError, FusionLogError
from fusionlog.kafka.codecs import key_of
from fusionlog.kafka.producer import Producer
from fusionlog.kafka.stopping import CLOSE_SECONDS, bounded, cancelled
from fusionlog.observability.health import Health
from fusionlog.observability.worker_state import is_news, state_of
from fusionlog.records import WorkerState
from fusionlog.settings import Settings
from fusionlog.topics import Role

log = structlog.get_logger(__name__)

EVERY_SECONDS = 10.0
LOOK_SECONDS = 1.0
WRITE_SECONDS = 5.0


class StateReports:
    """Writes the state of a worker in the background. A Kafka that takes none stops nothing: the next one may come."""

    def __init__(self, settings: Settings, role: Role, health: Health) -> None:
        self._topic, self._health = settings.topics.workers, health
        self._producer = Producer(settings, role)
        self._started = time.time()
        self._last: WorkerState | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Connect and report, in the background."""
        self._task = asyncio.create_task(self._run(), name="the reports of this worker's state")

    @property
    def background(self) -> tuple[asyncio.Task[None], ...]:
        """The task that reports."""
        return () if self._task is None else (self._task,)

    async def stop(self) -> None:
        """Report the end."""
        await cancelled(self._task)
        if self._last is not None and self._health.kafka.there:
            state = state_of(self._health, self._started, time.time())
            await bounded(self._write(state), CLOSE_SECONDS, "the report of its end")
        await self._producer.stop()

    async def _run(self) -> None:
        while not await self._connected():
            await asyncio.sleep(LOOK_SECONDS)
        while True:
            state = state_of(self._health, self._started, time.time())
            due = self._last is None or state.at - self._last.at >= EVERY_SECONDS
            if self._health.kafka.there and (due or is_news(state, self._last)):
                self._last = state
                await self._write(state)
            await asyncio.sleep(LOOK_SECONDS)

    async def _connected(self) -> bool:
        try:
            await self._producer.start()
        except BrokerError as error:
            log.debug("the state of this worker cannot be written yet", error=str(error))
            return False
        return True

    async def _write(self, state: WorkerState) -> None:
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                await (await self._producer.send(self._topic, key_of(state), state))
        except (KafkaError, FusionLogError, OSError, TimeoutError) as error:
            log.debug("the state of this worker could not be written", error=f"{type(error).__name__}: {error}")
