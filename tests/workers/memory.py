"""A Kafka producer that keeps what it is given, and messages made by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
from aiokafka import TopicPartition
from aiokafka.structs import RecordMetadata

from fusionlog.kafka import codecs
from fusionlog.kafka.producer import Ack
from fusionlog.records import Record, Window
from fusionlog.topics import Topic
from tests.workers.dead_letters import read_headers


@dataclass
class Message:
    """As Kafka gives it."""

    value: bytes | None
    topic: str = "raw.shop"
    partition: int = 0
    offset: int = 0
    key: bytes | None = b"k"
    timestamp: int = 1000


def message_of(window: Window, offset: int = 0, topic: str = "windows") -> Message:
    return Message(codecs.encode(window), topic=topic, offset=offset, key=codecs.key_of(window).encode())


@dataclass
class MemoryProducer:
    """Acknowledges at once; with `holding`, when `release` is called; with `error`, never: the future fails."""

    holding: bool = False
    error: Exception | None = None
    sent: list[tuple[str, bytes | None, bytes | None, dict[str, str]]] = field(default_factory=list)
    batches: list[tuple[str, int, bytes, bytes]] = field(default_factory=list)
    held: list[tuple[Ack, RecordMetadata]] = field(default_factory=list)

    async def send(self, topic: Topic, key: str, record: Record | None) -> Ack:
        return await self.send_raw(topic, key.encode(), None if record is None else codecs.encode(record))

    async def send_raw(
        self, topic: Topic, key: bytes | None, value: bytes | None, headers: codecs.Headers | None = None
    ) -> Ack:
        ack: Ack = asyncio.get_running_loop().create_future()
        place = TopicPartition(topic.name, 0)
        laid = RecordMetadata(topic.name, 0, place, len(self.sent), 0, 0, 0)
        self.sent.append((topic.name, key, value, read_headers(headers or [])))
        self.held.append((ack, laid))
        if not self.holding:
            self.release()
        return ack

    async def send_batch(self, topic: Topic, partition: int, records: Sequence[tuple[bytes, bytes]]) -> list[Ack]:
        acks = [await self.send_raw(topic, key, value) for key, value in records]
        self.batches += [(topic.name, partition, key, value) for key, value in records]
        return acks

    def release(self) -> None:
        for ack, laid in self.held:
            if self.error is not None:
                ack.set_exception(self.error)
            else:
                ack.set_result(laid)
        self.held.clear()

    def of(self, topic: Topic, kind: type[Record]) -> list[Record]:
        """What was sent to a topic, decoded."""
        return [msgspec.json.decode(value or b"", type=kind) for name, _, value, _ in self.sent if name == topic.name]

    def letters(self, topic: Topic) -> list[dict[str, str]]:
        """The headers of what was sent to the dead-letter topic."""
        return [headers for name, _, _, headers in self.sent if name == topic.name]
