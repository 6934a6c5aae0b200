"""The output of a worker that handles messages in batches: records and dead letters, awaited before the next batch."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Protocol

from fusionlog.errors import RecordError
from fusionlog.kafka import codecs
from fusionlog.kafka.client import kafka_errors
from fusionlog.kafka.known_systems import KnownSystems
from fusionlog.kafka.partition_handler import Confirm
from fusionlog.kafka.producer import Ack, Producer
from fusionlog.observability import metrics
from fusionlog.records import Record, Window
from fusionlog.settings import Settings
from fusionlog.topics import Topic


class Message(Protocol):
    """A Kafka message, Faust's or aiokafka's."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None


async def always() -> None:
    """A confirmation that always succeeds: for a consumer that cannot prove its membership."""


class BatchOutput:
    """Collects acknowledgements; `settle` waits for them all."""

    def __init__(self, settings: Settings, producer: Producer, stage: str) -> None:
        """`stage` stands in the headers of dead letters."""
        self._settings, self._producer, self._stage = settings, producer, stage
        self._acks: list[Ack] = []
        self._confirm: Confirm = always
        self._known = KnownSystems(settings)

    def confirm_with(self, confirm: Confirm) -> None:
        """Set what is awaited before each send: it raises where the source messages' partitions were lost."""
        self._confirm = confirm

    async def confirm(self) -> None:
        """Return while the source messages' partitions are this worker's.

        :raises AssignmentLost: they are another worker's by now.
        """
        await self._confirm()

    async def send(self, topic: Topic, record: Record) -> None:
        """Queue a record under the key that its type has.

        :raises AssignmentLost: the source messages' partitions are another worker's by now.
        """
        await self._confirm()
        self._acks.append(await self._producer.send(topic, codecs.key_on(topic, record), record))

    async def remove(self, topic: Topic, key: str) -> None:
        """Queue a tombstone.

        :raises AssignmentLost: the source messages' partitions are another worker's by now.
        """
        await self._confirm()
        self._acks.append(await self._producer.send(topic, key, None))

    async def dead_letter(self, message: Message, error: RecordError, index: int = 0, replayable: bool = True) -> None:
        """Queue a message as a dead letter.

        :param index: tells several dead letters of one record apart.
        :param replayable: whether its topic may have it again.
        :raises AssignmentLost: the message's partition is another worker's by now.
        """
        await self._confirm()
        metrics.WINDOWS_DEAD.labels(self._stage, error.reason).inc()
        topic = self._settings.topics.deadletter
        value = codecs.dead_letter_value(message.value, topic)
        headers = codecs.dead_letter_headers(
            error, self._stage, message.topic, message.partition, message.offset, time.time(), index,
            replayable=replayable and value == message.value,
        )  # fmt: skip
        self._acks.append(await self._producer.send_raw(topic, message.key, value, headers))

    async def bury_now(self, message: Message, error: RecordError) -> None:
        """Write a message to the dead-letter topic and wait for the acknowledgement.

        :raises BrokerError: Kafka refused it, or was away for too long.
        """
        await self.dead_letter(message, error)
        await self.flush()

    async def flush(self) -> None:
        """Wait until Kafka has acknowledged everything sent.

        :raises BrokerError: Kafka refused something, or was away for too long.
        """
        acks, self._acks = self._acks, []
        async with kafka_errors(self._settings.kafka, "writing results", "Write"):
            await asyncio.gather(*acks)

    async def windows(self, messages: Iterable[Message]) -> list[tuple[Message, Window]]:
        """The messages decoded as windows of known systems; any other message becomes a dead letter."""
        found = []
        for message in messages:
            where = codecs.place(message.topic, message.partition, message.offset)
            try:
                window = codecs.decode(message.value, Window, where)
                self._known.check(window.system)
            except RecordError as error:
                await self.dead_letter(message, error)
            else:
                found.append((message, window))
        return found
