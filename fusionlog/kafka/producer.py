"""The producer: records and dead letters, each with a future that resolves when Kafka has them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, TypeAlias

from aiokafka import AIOKafkaProducer
from aiokafka.errors import TopicAuthorizationFailedError
from aiokafka.structs import RecordMetadata

from fusionlog import records
from fusionlog.errors import BrokerRefusedError
from fusionlog.kafka import codecs, failures
from fusionlog.kafka.client import kafka_errors, options
from fusionlog.kafka.stopping import FLUSH_SECONDS, bounded
from fusionlog.settings import Settings
from fusionlog.signing.envelope import HEADER
from fusionlog.topics import Role, Topic, kind_of

Ack: TypeAlias = "asyncio.Future[RecordMetadata]"

BATCH_BYTES = 256 * 1024
LINGER_MS = 5
# A record outlives a broker's restart in the producer's memory for this long; then its future fails.
OUTAGE_SECONDS = 120


class Producer:
    """A Kafka producer of records: each is acknowledged by all in-sync replicas, or its future raises a KafkaError.

    :param role: the producer's role: topics that `topics.ROLES` does not let it write are refused. None refuses
        nothing.
    """

    def __init__(self, settings: Settings, role: Role | None = None) -> None:
        self._settings, self._role = settings, role
        self._writes = {topic.name for topic in settings.topics.writes(role)} if role else None
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Connect.

        :raises BrokerError: Kafka does not answer.
        """
        producer = AIOKafkaProducer(**self._options())
        async with kafka_errors(self._settings.kafka, "starting a producer"):
            try:
                await producer.start()
            except BaseException:
                await producer.stop()
                raise
        self._producer = producer

    async def stop(self) -> None:
        """Send what is buffered, then disconnect. What Kafka does not take in time is lost: it was not acknowledged."""
        if self._producer is not None:
            producer, self._producer = self._producer, None
            await bounded(producer.stop(), FLUSH_SECONDS, "the producer")

    async def send(self, topic: Topic, key: str, record: records.Record | None, partition: int | None = None) -> Ack:
        """Queue a record (None is a tombstone), signed where its topic is; waits while the buffer is full.

        :raises SettingError: the topic's records are verified, and this process has no key that may sign this one.
        """
        value = None if record is None else codecs.encode(record)
        headers = self._signed(topic, key.encode(), record, value or b"") if topic.signed_as else None
        return await self.send_raw(topic, key.encode(), value, headers, partition)

    async def send_raw(
        self, topic: Topic, key: bytes | None, value: bytes | None, headers: codecs.Headers | None = None,
        partition: int | None = None,
    ) -> Ack:  # fmt: skip
        """Queue a record as it stands, not signed here.

        :param partition: default: by the key.
        :raises BrokerRefusedError: the topic is not shown to this client.
        :raises RuntimeError: the producer is not started, or its role does not write this topic.
        """
        producer = self._writing(topic)
        try:
            ack: Ack = await producer.send(topic.name, value, key, partition, headers=headers or [])
        except TopicAuthorizationFailedError as error:
            raise self._refused(error) from error
        return ack

    async def send_batch(self, topic: Topic, partition: int, records: Sequence[tuple[bytes, bytes]]) -> list[Ack]:
        """Queue keys and values for a partition, in order; waits while the records before them are not on their way.

        A batch is in Kafka as a whole or not at all: an acknowledgement is that of one.

        :raises BrokerRefusedError: the topic is not shown to this client.
        :raises RuntimeError: the producer is not started, or its role does not write this topic.
        """
        producer = self._writing(topic)
        acks: list[Ack] = []
        batch = producer.create_batch()
        try:
            for key, value in records:
                if batch.append(key=key, value=value, timestamp=None) is None:
                    acks.append(await producer.send_batch(batch, topic.name, partition=partition))
                    batch = producer.create_batch()
                    batch.append(key=key, value=value, timestamp=None)
            batch.close()
            acks.append(await producer.send_batch(batch, topic.name, partition=partition))
        except TopicAuthorizationFailedError as error:
            raise self._refused(error) from error
        return acks

    async def flush(self) -> None:
        """Wait until everything queued so far was acknowledged or failed."""
        if self._producer is not None:
            await self._producer.flush()

    def _signed(self, topic: Topic, key: bytes, record: records.Record | None, value: bytes) -> codecs.Headers:
        """The header of a record's signature; none where records are not signed."""
        signature = self._settings.signatures.sign(kind_of(record), str(topic.signed_as), key, value)
        return [] if signature is None else [(HEADER, signature.encode())]

    def _refused(self, error: TopicAuthorizationFailedError) -> BrokerRefusedError:
        kafka = self._settings.kafka
        why = failures.reason(error, kafka, "Write")
        return BrokerRefusedError(f"Kafka at {kafka.bootstrap_servers} takes no record: {why}")

    def _writing(self, topic: Topic) -> AIOKafkaProducer:
        """The producer, where it may write a topic."""
        if self._writes is not None and topic.name not in self._writes:
            raise RuntimeError(f"role {self._role} writes {topic.name}, and fusionlog/topics/access.py does not say so")
        if self._producer is None:
            raise RuntimeError("the producer is not started")
        return self._producer

    def _options(self) -> dict[str, Any]:
        compression = self._settings.kafka.compression
        return {
            **options(self._settings.kafka),
            "acks": "all",
            "compression_type": None if compression == "none" else compression,
            "max_batch_size": BATCH_BYTES,
            "linger_ms": LINGER_MS,
            "max_request_size": self._settings.topics.model_bytes,
            "request_timeout_ms": OUTAGE_SECONDS * 1000,
        }
