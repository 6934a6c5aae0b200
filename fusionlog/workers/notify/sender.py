"""The sending to one target: from its outbox to its answers, each of which is written before the next request."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from fusionlog.errors import RecordError
from fusionlog.incidents.notifications.delivery import Answer
from fusionlog.incidents.notifications.due import Due
from fusionlog.incidents.notifications.messages import Request, request_of
from fusionlog.incidents.notifications.outbox import Outbox
from fusionlog.kafka.batch_output import BatchOutput, Message
from fusionlog.observability import metrics
from fusionlog.observability.outage import Outage
from fusionlog.settings import Settings
from fusionlog.types import Clock

log = structlog.get_logger(__name__)

REMIND_SECONDS = 600.0


class Client(Protocol):
    """What delivers requests (`incidents.notifications.delivery.Delivery`)."""

    async def post(self, request: Request) -> Answer:
        """Send a request."""

    async def close(self) -> None:
        """Close the connections."""


class Sender:
    """Sends what an outbox has until it is stopped.

    A record is written when the target has accepted a message, and before the next request: a worker that is killed in
    between sends that request again.

    :param index: number of the target in the file, which tells the dead letters of an incident apart.
    :param message: the newest record of an incident, by its id.
    """

    def __init__(
        self, settings: Settings, outbox: Outbox, client: Client, output: BatchOutput, index: int,
        message: Callable[[str], Message | None], clock: Clock = time.monotonic, wall: Clock = time.time,
    ) -> None:  # fmt: skip
        self._settings, self.outbox, self._client, self._output = settings, outbox, client, output
        self._index, self._message, self._clock, self._wall = index, message, clock, wall
        self._news, self._stopping = asyncio.Event(), False
        self._outage = Outage(clock=clock, remind_seconds=REMIND_SECONDS)
        self._show()

    @property
    def name(self) -> str:
        """Name of the target."""
        return self.outbox.target.name

    @property
    def now(self) -> float:
        """The time of its clock."""
        return self._clock()

    def wake(self) -> None:
        """Look at the outbox again: an incident has changed."""
        self._news.set()
        self._show()

    def stop(self) -> None:
        """Begin no further request."""
        self._stopping = True
        self._news.set()

    async def run(self) -> None:
        """Send until stopped.

        :raises BrokerError: Kafka did not take a record.
        :raises AssignmentLost: another worker has the incidents.
        """
        try:
            while not self._stopping:
                batch = self.outbox.next(self._clock())
                await (self._send(batch) if batch else self._rest())
        finally:
            await self._client.close()

    async def _rest(self) -> None:
        """Wait for news, or until the outbox may have something."""
        self._news.clear()
        seconds = self.outbox.wait(self._clock())
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return

    async def _send(self, batch: Sequence[Due]) -> None:
        await self._output.confirm()
        answer = await self._answer(batch)
        now = self._clock()
        if answer.outcome == "delivered":
            await self._delivered(batch, now)
        else:
            metrics.NOTIFICATIONS_FAILED.labels(self.name, answer.outcome).inc()
            given_up = (
                self.outbox.refused(batch, now, answer.why)
                if answer.outcome == "refused"
                else self.outbox.failed(batch, now, answer.why, answer.asked)
            )
            self._report_failure(answer)
            await self._give_up(given_up, answer.why)
        self._show()

    async def _answer(self, batch: Sequence[Due]) -> Answer:
        """The target's answer; an incident of which no message can be made is refused, lest it end every worker."""
        try:
            request = request_of(batch, self.outbox.target, self._wall())
        except Exception as error:
            log.exception("no message could be made", target=self.name, incidents=[due.id for due in batch])
            return Answer("refused", f"no message could be made ({type(error).__name__})")
        self.outbox.started(self._clock())
        return await self._client.post(request)

    async def _delivered(self, batch: Sequence[Due], now: float) -> None:
        for record in self.outbox.delivered(batch, now, self._wall()):
            await self._output.send(self._settings.topics.notifications, record)
            metrics.NOTIFICATIONS_SENT.labels(self.name, record.change).inc()
            log.info("a target was notified", target=self.name, incident=record.incident, change=record.change)
        await self._output.flush()
        if (seconds := self._outage.back()) is not None:
            log.info("a target accepts notifications again", target=self.name, seconds=round(seconds))

    async def _give_up(self, batch: Sequence[Due], why: str) -> None:
        for due in batch:
            message = self._message(due.id)
            if message is not None:
                error = RecordError("not-delivered", f"target {self.name} was not notified ({due.change}): {why}")
                await self._output.dead_letter(message, error, self._index, replayable=False)
            metrics.NOTIFICATIONS_GIVEN_UP.labels(self.name).inc()
            log.error(
                "a notification became a dead letter", target=self.name, incident=due.id, change=due.change, why=why
            )
        await self._output.flush()

    def _report_failure(self, answer: Answer) -> None:
        if self._outage.away(answer.why):
            log.warning(
                "a target is not notified", target=self.name, why=answer.why, waiting=len(self.outbox),
                remedy=f"fusionlog notify test --target {self.name}",
            )  # fmt: skip

    def _show(self) -> None:
        metrics.NOTIFICATIONS_WAITING.labels(self.name).set(len(self.outbox))
        metrics.NOTIFICATION_TARGET_UP.labels(self.name).set(not self.outbox.is_away)
