"""Dead letters of tables: records of compacted topics that no worker can use."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import structlog
from aiokafka import ConsumerRecord
from aiokafka.errors import KafkaError

from fusionlog.errors import BrokerError, RecordError
from fusionlog.kafka import codecs, failures
from fusionlog.kafka.producer import Producer
from fusionlog.observability import metrics
from fusionlog.settings import Settings
from fusionlog.signing.envelope import HEADER, signature_in

log = structlog.get_logger(__name__)


async def log_refused(record: ConsumerRecord, error: RecordError) -> None:
    """Count and log a record that is left out: for a reader that writes nothing to Kafka."""
    metrics.TABLE_RECORDS_REFUSED.labels(record.topic, error.reason).inc()
    log.warning(
        "record left out", topic=record.topic, partition=record.partition, offset=record.offset,
        reason=error.reason, detail=error.detail,
    )  # fmt: skip


class LogRefusedOnce:
    """Counts and logs the records that are left out, each once: for who reads a topic again and again."""

    def __init__(self) -> None:
        self._logged: set[str] = set()

    async def __call__(self, record: ConsumerRecord, error: RecordError) -> None:
        """Leave a record out."""
        place = codecs.place(record.topic, record.partition, record.offset)
        if place not in self._logged:
            self._logged.add(place)
            await log_refused(record, error)


class TableDeadLetters:
    """Counts and logs the records that a table leaves out, and writes them to the dead-letter topic.

    A compacted topic keeps such a record, so each worker that reads it from the beginning writes it again, with the
    same place in its headers.
    """

    def __init__(self, settings: Settings, producer: Producer, stage: str) -> None:
        """`stage` stands in the headers of the dead letters."""
        self._topic, self._kafka, self._producer, self._stage = (
            settings.topics.deadletter,
            settings.kafka,
            producer,
            stage,
        )

    async def __call__(self, record: ConsumerRecord, error: RecordError) -> None:
        """Leave a record out. Returns when the dead letter is queued."""
        await log_refused(record, error)
        place = record.topic, record.partition, record.offset
        value = codecs.dead_letter_value(record.value, self._topic)
        headers = codecs.dead_letter_headers(error, self._stage, *place, time.time(), replayable=value == record.value)
        if (signature := signature_in(record.headers)) is not None:
            headers.append((HEADER, signature.encode()))  # A replay sends it again.
        try:
            ack = await self._producer.send_raw(self._topic, record.key, value, headers)
        except (KafkaError, BrokerError) as failure:
            self._log_unwritten(record, failure)
        else:
            ack.add_done_callback(lambda done: self._report(done, record))

    def _report(self, ack: asyncio.Future[Any], record: ConsumerRecord) -> None:
        failure = None if ack.cancelled() else ack.exception()
        if failure is not None:
            self._log_unwritten(record, failure)

    def _log_unwritten(self, record: ConsumerRecord, failure: BaseException) -> None:
        log.error(
            "the dead letter of a record could not be written", topic=record.topic, partition=record.partition,
            offset=record.offset, error=failures.reason(failure, self._kafka, "Write"),
        )  # fmt: skip
