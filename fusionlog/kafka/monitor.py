"""Whether Kafka answers a worker: waited for at the start, watched afterwards; each change is logged once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog
from aiokafka.errors import KafkaError

from fusionlog.errors import BrokerAwayError, BrokerError, BrokerRefusedError
from fusionlog.kafka.acls import Grant
from fusionlog.kafka.client import plain_client, unreached
from fusionlog.kafka.denials import denial
from fusionlog.kafka.permissions import missing, views
from fusionlog.kafka.stopping import cancelled
from fusionlog.observability import metrics
from fusionlog.observability.outage import REMIND_SECONDS, Outage
from fusionlog.settings import KafkaSettings

log = structlog.get_logger(__name__)

EVERY_SECONDS = 2.0
ANSWER_SECONDS = 5.0
REFUSALS = 5
"""So many refusals in a row end the worker: a broker that starts may refuse a login for a moment."""


async def until_reached(
    kafka: KafkaSettings,
    check: Callable[[], Awaitable[None]],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Wait until `check` reaches Kafka; while it does not, that is logged each minute.

    :raises BrokerError: from `check`, other than that Kafka is away.
    :raises BrokerRefusedError: Kafka refuses this client, or the client its certificate.
    """
    outage = Outage(remind_seconds=REMIND_SECONDS)
    while True:
        try:
            await check()
        except BrokerAwayError as error:
            metrics.KAFKA_UP.set(0)
            if outage.away(str(error)):
                log.warning("the worker waits for Kafka", kafka=kafka.bootstrap_servers, why=str(error))
            await sleep(EVERY_SECONDS)
            continue
        if (seconds := outage.back()) is not None:
            log.info("Kafka answers", kafka=kafka.bootstrap_servers, away_seconds=round(seconds, 1))
        return


class KafkaMonitor:
    """Sends Kafka a request every `EVERY_SECONDS` by a connection of its own; keeps `outage` and the gauge current.

    The request is about the permissions of the worker. A client that loses one may get no error: a topic that is not
    shown any more has no partitions, and nothing is read.
    """

    def __init__(
        self, kafka: KafkaSettings, outage: Outage, needed: Sequence[Grant] = (), role: str | None = None
    ) -> None:
        """`needed`: the permissions of the worker, which has that role."""
        self._kafka, self._outage, self._needed, self._role = kafka, outage, needed, role
        self._refusals = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin with a Kafka that answers, and watch it in the background."""
        self._up()
        self._task = asyncio.create_task(self._run(), name="the monitor of Kafka")

    @property
    def background(self) -> tuple[asyncio.Task[None], ...]:
        """The task that watches; its end is a refusal."""
        return () if self._task is None else (self._task,)

    async def stop(self) -> None:
        """Stop watching."""
        await cancelled(self._task)

    async def _run(self) -> None:
        while True:
            # A connection that was lost is no outage before a new one fails, too: to another broker, perhaps.
            await self._watch()
            error = await self._watch()
            self._down(error if isinstance(error, BrokerError) else await unreached(self._kafka, error))
            await asyncio.sleep(EVERY_SECONDS)

    async def _watch(self) -> BaseException:
        """Send requests over one connection; return the error that ends it."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS) as limit, plain_client(self._kafka, ANSWER_SECONDS) as client:
                while True:
                    if denied := missing(self._needed, await views(client, self._needed)):
                        return BrokerRefusedError(denial(denied, self._kafka, self._role))
                    self._up()
                    limit.reschedule(None)
                    await asyncio.sleep(EVERY_SECONDS)
                    limit.reschedule(asyncio.get_running_loop().time() + ANSWER_SECONDS)
        except (KafkaError, OSError, TimeoutError) as error:
            return error

    def _up(self) -> None:
        self._refusals = 0
        metrics.KAFKA_UP.set(1)
        if (seconds := self._outage.back()) is not None:
            log.info("Kafka answers again", kafka=self._kafka.bootstrap_servers, away_seconds=round(seconds, 1))

    def _down(self, error: BrokerError) -> None:
        """Record an outage.

        :raises BrokerRefusedError: Kafka has refused this client for a while.
        """
        metrics.KAFKA_UP.set(0)
        refused = isinstance(error, BrokerRefusedError)
        if self._outage.away(str(error)):
            event = "Kafka refuses this worker" if refused else "Kafka is away"
            log.error(event, kafka=self._kafka.bootstrap_servers, why=str(error))
        if not refused:
            self._refusals = 0
            return
        self._refusals += 1
        if self._refusals >= REFUSALS:
            raise error
