"""Reading by the batch, on Apache Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from fusionlog.kafka.admin import create_topics
from fusionlog.kafka.batch_handler import BatchHandler, Bury, Handle
from fusionlog.kafka.batch_output import Message
from fusionlog.kafka.crash_notes import RecordCrash
from fusionlog.kafka.group_consumer import GroupConsumer, Reading
from fusionlog.kafka.producer import Producer
from fusionlog.settings import Settings

pytestmark = pytest.mark.kafka


class Handled:
    """Takes messages, and fails at one."""

    def __init__(self, fails_at: bytes | None = None) -> None:
        self.batches: list[list[bytes | None]] = []
        self._fails_at = fails_at

    @property
    def values(self) -> list[bytes | None]:
        return [value for batch in self.batches for value in batch]

    async def __call__(self, messages: list[Message]) -> None:
        values = [message.value for message in messages]
        if self._fails_at in values:
            raise ValueError("no verdict")
        self.batches.append(values)
        await asyncio.sleep(0.01)

    async def has(self, count: int) -> None:
        async with asyncio.timeout(30):
            while len(set(self.values)) < count:
                await asyncio.sleep(0.02)


async def publish(settings: Settings, *values: bytes) -> None:
    producer = Producer(settings)
    await producer.start()
    for value in values:
        await producer.send_raw(settings.topics.general, value, value)
    await producer.stop()


async def none(message: object, error: object) -> None:
    """No dead letter is expected."""
    raise AssertionError(f"{message} was buried: {error}")


@asynccontextmanager
async def reading(settings: Settings, handle: Handle, bury: Bury = none) -> AsyncIterator[asyncio.Task[None]]:
    reads = Reading((settings.topics.general.name,), max_records=7, poll_seconds=0.1, commit_seconds=0.5)
    reader = GroupConsumer(settings.kafka, f"{settings.topic_prefix}group", reads, BatchHandler(handle, bury))
    await reader.start()
    task = asyncio.create_task(reader.run())
    try:
        yield task
    finally:
        await reader.stop()
        await asyncio.gather(task, return_exceptions=True)


async def test_what_was_handled_is_not_read_again_and_what_failed_is(kafka_settings: Settings) -> None:
    await create_topics(kafka_settings)
    values = [b"%d" % number for number in range(40)]
    await publish(kafka_settings, *values)
    first = Handled()
    async with reading(kafka_settings, first):
        await first.has(40)
    assert sorted(first.values) == sorted(values) and max(map(len, first.batches)) <= 7
    await publish(kafka_settings, b"a", b"b", b"c")
    failing = Handled(fails_at=b"b")
    async with reading(kafka_settings, failing) as task:
        with pytest.raises(RecordCrash):
            await asyncio.wait_for(task, 30)
    last = Handled()
    async with reading(kafka_settings, last):
        await last.has(3 - len(failing.values))
    assert sorted([*failing.values, *last.values]) == [b"a", b"b", b"c"]


async def test_two_of_a_group_share_a_topic_and_repeat_nothing(kafka_settings: Settings) -> None:
    settings = kafka_settings.model_copy(
        update={"kafka": kafka_settings.kafka.model_copy(update={"session_timeout": 6.0, "rebalance_timeout": 6.0})}
    )
    await create_topics(settings)
    one, other = Handled(), Handled()
    async with reading(settings, one):
        await publish(settings, *(b"%d" % number for number in range(200)))
        await one.has(20)
        async with reading(settings, other):
            async with asyncio.timeout(30):
                while not other.values:
                    await publish(settings, *(b"more %d" % len(one.values) for _ in range(4)))
            await publish(settings, *(b"last %d" % number for number in range(40)))
            async with asyncio.timeout(30):
                while len({value for value in [*one.values, *other.values] if value and b"last" in value}) < 40:
                    await asyncio.sleep(0.05)
    numbered = [value for value in [*one.values, *other.values] if value and b"more" not in value]
    assert len(numbered) == len(set(numbered)) == 240
