"""Incidents to notifications: the incidents of their topic, and for each target what it is due by them.

The state is that of two compacted topics, incidents and notifications: both are read whenever the partition is taken
over, so an offset of the group only measures the lag.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

import structlog
from aiokafka import ConsumerRecord, TopicPartition

from fusionlog.errors import RecordError
from fusionlog.incidents.notifications.outbox import Outbox
from fusionlog.kafka import codecs
from fusionlog.kafka.batch_handler import BatchHandler
from fusionlog.kafka.batch_output import BatchOutput, Message
from fusionlog.kafka.crash_guard import CrashGuard
from fusionlog.kafka.partition_handler import Confirm
from fusionlog.kafka.producer import Producer
from fusionlog.kafka.takeover import Takeover
from fusionlog.observability import metrics
from fusionlog.records import Incident, Notification
from fusionlog.settings import Settings, Target
from fusionlog.workers.notify.sender import Client, Sender

log = structlog.get_logger(__name__)

Incidents = Callable[[], Awaitable[Iterable[ConsumerRecord]]]
"""The records on the topic of incidents."""
Sent = Callable[[], Awaitable[Iterable[Notification]]]
"""The present records of the topic of notifications."""
Connect = Callable[[Target], Client]


class NotifyWorker(BatchHandler):
    """The handler of the topic of incidents, with a sender for each target.

    :param incidents: :param sent: read the state at a takeover.
    :param connect: makes the client of a target.
    """

    def __init__(
        self, settings: Settings, producer: Producer, incidents: Incidents, sent: Sent, connect: Connect
    ) -> None:
        self._output = BatchOutput(settings, producer, "notify")
        super().__init__(self.handle, self._output.bury_now, self._output.confirm_with)
        self._settings, self._producer = settings, producer
        self._read_incidents, self._read_sent, self._connect = incidents, sent, connect
        self._senders: list[Sender] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._messages: dict[str, Message] = {}
        self._left_over: list[str] = []

    async def open(self, takeovers: Mapping[TopicPartition, Takeover], guard: CrashGuard, confirm: Confirm) -> None:
        """Read incidents and notifications; nothing is sent or written before the membership is proven.

        :raises BrokerError: Kafka does not answer.
        """
        await super().open(takeovers, guard, confirm)
        sent = list(await self._read_sent())
        self._senders = [
            self._sender(number, target, sent, confirm)
            for number, target in enumerate(self._settings.targets.values(), 1)
        ]
        last = {(each.key or b"").decode("utf-8", "replace"): each for each in await self._read_incidents()}
        for record in last.values():
            self._take(record)
        self._left_over = [
            codecs.key_of(each) for each in sent if (found := last.get(each.incident)) is None or not found.value
        ]
        log.info("incidents are read", incidents=len(last), waiting=self.waiting)

    async def handle(self, messages: Sequence[Any]) -> None:
        """Take records of incidents.

        :raises BrokerError: Kafka did not take a dead letter.
        :raises AssignmentLost: another worker has the partition.
        """
        for message in messages:
            try:
                await self._change(message)
            except RecordError as error:
                await self._output.dead_letter(message, error)
        await self._output.flush()
        for sender in self._senders:
            sender.wake()

    async def tick(self) -> None:
        """Begin to send, and raise what ended a sender: nobody is notified without it.

        The notifications of incidents that are gone are removed first.
        """
        if self._left_over:
            for key in self._left_over:
                await self._output.remove(self._settings.topics.notifications, key)
            await self._output.flush()
            self._left_over = []
        if not self._tasks:
            self._tasks = [asyncio.create_task(each.run(), name=f"target {each.name}") for each in self._senders]
        for task in self._tasks:
            if task.done():
                task.result()

    async def settle(self, seconds: float) -> bool:
        """Let requests that are under way come to their answer, and be noted."""
        for sender in self._senders:
            sender.stop()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        return all(task.done() for task in self._tasks)

    def close(self) -> None:
        """Stop sending: another worker has the incidents."""
        super().close()
        for task in self._tasks:
            if task.done() and not task.cancelled():
                task.exception()  # The first one that failed was raised; the others failed by the same.
            task.cancel()
        self._tasks, self._senders, self._messages, self._left_over = [], [], {}, []
        metrics.NOTIFICATIONS_WAITING.clear()
        metrics.NOTIFICATION_TARGET_UP.clear()

    @property
    def waiting(self) -> dict[str, int]:
        """Incidents that wait for a message, by target."""
        return {each.name: len(each.outbox) for each in self._senders}

    @property
    def failing(self) -> dict[str, str]:
        """Why targets that are not notified now are not, by target."""
        return {each.name: each.outbox.problem for each in self._senders if each.outbox.problem is not None}

    def _sender(self, number: int, target: Target, sent: Iterable[Notification], confirm: Confirm) -> Sender:
        output = BatchOutput(self._settings, self._producer, "notify")
        output.confirm_with(confirm)
        outbox = Outbox(
            target, (each for each in sent if each.target == target.name),
            lambda reason: metrics.NOTIFICATIONS_SUPPRESSED.labels(target.name, reason).inc(),
        )  # fmt: skip
        return Sender(self._settings, outbox, self._connect(target), output, number, self._messages.get)

    async def _change(self, message: Any) -> None:
        if message.value is not None:
            self._put(codecs.decode(message.value, Incident, _place(message)), message)
            return
        id = (message.key or b"").decode("utf-8", "replace")
        self._messages.pop(id, None)
        for sender in self._senders:
            if sender.outbox.remove(id):
                await self._output.remove(self._settings.topics.notifications, f"{sender.name}/{id}")

    def _take(self, record: ConsumerRecord) -> None:
        """Take a record of the state; one that is no incident was a dead letter when it was read first."""
        if not record.value:
            return
        try:
            self._put(codecs.decode(record.value, Incident, _place(record)), record)
        except RecordError as error:
            log.warning("a record is left out", why=str(error))

    def _put(self, incident: Incident, message: Message) -> None:
        for sender in self._senders:
            sender.outbox.put(incident, sender.now)
        if any(incident.id in sender.outbox for sender in self._senders):
            self._messages[incident.id] = message
        else:
            self._messages.pop(incident.id, None)


def _place(message: Message) -> str:
    return codecs.place(message.topic, message.partition, message.offset)
