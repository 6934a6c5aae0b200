"""The records of tables: decoded and, where their topic is signed and public keys are set, verified."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import NamedTuple

from aiokafka import ConsumerRecord

from fusionlog.errors import RecordError
from fusionlog.kafka import codecs
from fusionlog.records import Record
from fusionlog.settings import Settings
from fusionlog.signing.envelope import signature_in
from fusionlog.signing.signatures import Order
from fusionlog.topics import Topic, kind_of

CHUNK = 64
"""Records that a thread verifies at a time: about 6 ms."""


class Decoded(NamedTuple):
    """A record of a table; None is a tombstone. `signed_at` is in Unix milliseconds, None where nothing is verified."""

    key: str
    value: Record | None
    signed_at: int | None = None


class RecordReader:
    """Decodes and verifies the records of one reading of a topic, which begins at its beginning.

    Without public keys, and of a topic that is not signed, nothing is verified.
    """

    def __init__(self, settings: Settings, topic: Topic) -> None:
        """:raises SettingError: the keys of the settings cannot be read."""
        self._topic, self._signatures, self._order = topic, settings.signatures, Order()
        self._verifies = topic.signed_as is not None and self._signatures.verifies

    async def read(self, records: Sequence[ConsumerRecord]) -> list[Decoded | RecordError]:
        """The records, or why each cannot be used, in order. Signatures are verified in threads: each takes about
        0.1 ms of one core."""
        if not self._verifies:
            if self._topic.signed_as and any(signature_in(record.headers) is not None for record in records):
                self._signatures.observe_signed()
            return [self._decoded(record) for record in records]
        self._signatures.refresh()
        chunks = [records[start : start + CHUNK] for start in range(0, len(records), CHUNK)]
        loop = asyncio.get_running_loop()
        verified = await asyncio.gather(
            *(loop.run_in_executor(_threads(), self._verified_all, each) for each in chunks)
        )
        found = [each for chunk in verified for each in chunk]
        return [self._in_order(record, each) for record, each in zip(records, found, strict=True)]

    def _verified_all(self, records: Sequence[ConsumerRecord]) -> list[Decoded | RecordError]:
        return [self._verified(record) for record in records]

    def _verified(self, record: ConsumerRecord) -> Decoded | RecordError:
        found = self._decoded(record)
        if isinstance(found, RecordError):
            return found
        kind, topic, signature = kind_of(found.value), str(self._topic.signed_as), signature_in(record.headers)
        try:
            at = self._signatures.verify(kind, topic, record.key or b"", record.value or b"", signature)
        except RecordError as error:
            return error
        return found._replace(signed_at=at)

    def _decoded(self, record: ConsumerRecord) -> Decoded | RecordError:
        try:
            return decode(self._topic, record)
        except RecordError as error:
            return error

    def _in_order(self, record: ConsumerRecord, found: Decoded | RecordError) -> Decoded | RecordError:
        if isinstance(found, RecordError) or found.signed_at is None:
            return found
        key = record.key or b""
        try:
            self._order.check(key, found.signed_at)
        except RecordError as error:
            return error
        self._signatures.observe(str(self._topic.signed_as), key, found.signed_at)
        return found


def decode(topic: Topic, record: ConsumerRecord) -> Decoded:
    """A record of a topic, not verified.

    :raises RecordError: it cannot be decoded.
    """
    key = (record.key or b"").decode("utf-8", "replace")
    if topic.record is None:
        raise RecordError("no-type", f"{topic.name} has no record type; read it with a plain consumer")
    if record.value is None:
        return Decoded(key, None)
    where = codecs.place(record.topic, record.partition, record.offset)
    return Decoded(key, codecs.decode(record.value, topic.record, where))


@cache
def _threads() -> ThreadPoolExecutor:
    """Threads that verify: cryptography releases Python's lock meanwhile."""
    return ThreadPoolExecutor(min(4, os.cpu_count() or 1), thread_name_prefix="signatures")
