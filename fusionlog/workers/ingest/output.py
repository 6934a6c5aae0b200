"""The output of partition processors: windows by their route, dead letters with their reason, templates."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import msgspec
import structlog
from aiokafka import TopicPartition
from aiokafka.structs import RecordMetadata

from fusionlog.errors import BrokerError, RecordError
from fusionlog.kafka import codecs, failures
from fusionlog.kafka.producer import Ack, Producer
from fusionlog.observability import metrics
from fusionlog.records import Template, Window
from fusionlog.settings import Settings
from fusionlog.topics import Topic
from fusionlog.workers.ingest.made import DeadLetter, KeyedLines, Made, Processor

log = structlog.get_logger(__name__)

Routing = Callable[[Window], Window]

SHORT_CHARS = 80
STAGE = "ingest"


class IngestOutput:
    """Sends windows and dead letters, and acknowledges them to their processor when Kafka has them.

    A refusal is kept in `error`: its lines must be read again.
    """

    def __init__(self, settings: Settings, producer: Producer, route: Routing) -> None:
        self._topics, self._kafka, self._producer, self._route = settings.topics, settings.kafka, producer, route
        self.error: BrokerError | None = None

    async def send(self, processor: Processor, place: TopicPartition, made: Made) -> None:
        """Queue a window, a dead letter or keyed lines of a partition; waits while the producer's buffer is full."""
        if isinstance(made, DeadLetter):
            await self._dead(processor, place, made)
        elif isinstance(made, KeyedLines):
            await self._keyed(processor, made)
        else:
            await self._window(processor, place, self._route(made))

    async def give_up(self, processor: Processor, place: TopicPartition, window: Window, error: RecordError) -> None:
        """Queue a window as a dead letter, cut to the topic's record size."""
        metrics.WINDOWS_DEAD.labels(STAGE, error.reason).inc()
        value = fitting(window, self._topics.deadletter) or _summary(window)
        key = codecs.key_of(window).encode()
        letter = DeadLetter(window.first_offset, key, value, error, window.first_index, window)
        await self._dead(processor, place, letter)

    async def send_template(self, template: Template) -> None:
        """Queue a template."""
        ack = await self._producer.send(self._topics.templates, codecs.key_of(template), template)
        ack.add_done_callback(self._keep_error)

    async def _window(self, processor: Processor, place: TopicPartition, window: Window) -> None:
        kind = window.route.kind if window.route else "proprietary"
        topic = self._topics.general if kind == "general" else self._topics.proprietary
        value = fitting(window, topic)
        if value is None:
            error = RecordError("window-too-large", f"session {window.session} has {len(window.events)} long events")
            await self.give_up(processor, place, window, error)
            return
        ack = await self._producer.send_raw(topic, codecs.key_on(topic, window).encode(), value)
        ack.add_done_callback(lambda done: self._window_acked(processor, window, kind, done))

    async def _keyed(self, processor: Processor, made: KeyedLines) -> None:
        topic = self._topics.keyed(processor.system)
        acks = [
            ack
            for partition, records in made.records.items()
            for ack in await self._producer.send_batch(topic, partition, records)
        ]
        asyncio.gather(*acks).add_done_callback(lambda done: self._keyed_acked(processor, made, done))

    async def _dead(self, processor: Processor, place: TopicPartition, letter: DeadLetter) -> None:
        value = codecs.dead_letter_value(letter.value, self._topics.deadletter)
        own = place.topic, place.partition, letter.offset, letter.index
        topic, partition, offset, index = letter.origin or own
        replayable = letter.replayable and letter.window is None and value == letter.value
        headers = codecs.dead_letter_headers(
            letter.error, STAGE, topic, partition, offset, time.time(), index, replayable
        )  # fmt: skip
        ack = await self._producer.send_raw(self._topics.deadletter, letter.key, value, headers)
        ack.add_done_callback(lambda done: self._dead_acked(processor, letter, done))

    def _window_acked(self, processor: Processor, window: Window, kind: str, ack: Ack) -> None:
        if not self._keep_error(ack):
            return
        laid = ack.result()
        processor.resume_state.acked(window.last_offset, laid.topic_partition, laid.offset)
        processor.acknowledged(window, kind)

    def _keyed_acked(self, processor: Processor, made: KeyedLines, acks: asyncio.Future[list[RecordMetadata]]) -> None:
        if self._keep_error(acks):
            processor.acknowledged(made)

    def _dead_acked(self, processor: Processor, letter: DeadLetter, ack: Ack) -> None:
        if self._keep_error(ack):
            processor.acknowledged(letter)

    def _keep_error(self, ack: asyncio.Future[Any]) -> bool:
        """Whether Kafka has the record; the first refusal's reason is kept."""
        failure = ack.exception() if not ack.cancelled() else None
        if ack.cancelled() or failure is not None:
            self.error = self.error or BrokerError(f"Kafka did not take a record: {self._why(failure)}")
            return False
        return True

    def _why(self, failure: BaseException | None) -> str:
        return "the producer stopped" if failure is None else failures.reason(failure, self._kafka, "Write")


def _summary(window: Window) -> bytes:
    """A window without its events."""
    return msgspec.json.encode({**msgspec.structs.asdict(window), "events": [], "sequence": []})


def fitting(window: Window, topic: Topic) -> bytes | None:
    """The window as bytes that fit its topic, with its example lines cut short if need be; else None.

    Ids and the shape do not change.
    """
    limit = topic.max_message_bytes - codecs.FRAME_BYTES
    value = codecs.encode(window)
    if len(value) <= limit:
        return value
    events = [msgspec.structs.replace(event, example=event.example[:SHORT_CHARS]) for event in window.events]
    value = codecs.encode(msgspec.structs.replace(window, events=events))
    return value if len(value) <= limit else None
