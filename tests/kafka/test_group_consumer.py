"""A member of a consumer group, on Apache Kafka: what it commits, throws away, counts and leaves out."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import NewTopic
from aiokafka.admin.records_to_delete import RecordsToDelete
from aiokafka.structs import OffsetAndMetadata

from fusionlog.errors import BrokerError
from fusionlog.kafka.admin import create_topics
from fusionlog.kafka.client import admin_client, options, partition_counts
from fusionlog.kafka.crash_guard import CrashGuard
from fusionlog.kafka.group_consumer import GroupConsumer, Reading, instance_id
from fusionlog.kafka.partition_handler import Batches, Confirm
from fusionlog.kafka.takeover import Takeover, committed_offsets
from fusionlog.settings import Settings

pytestmark = pytest.mark.kafka


class Handler:
    """Keeps what it was given; a record is finished when `finish` says so, at once unless it is slow."""

    def __init__(self, opening: float = 0.0, slow: bool = False, gaps: bool = False) -> None:
        self._opening, self._slow, self._gaps = opening, slow, gaps
        self.confirm: Confirm | None = None
        self.next: dict[TopicPartition, int] = {}
        self.got: list[tuple[TopicPartition, int, bytes | None]] = []
        self.takeovers: list[dict[TopicPartition, Takeover]] = []
        self.gone: dict[TopicPartition, int] = {}
        self.congested: bool | None = None
        self.is_paused = asyncio.Event()

    async def open(self, takeovers: Mapping[TopicPartition, Takeover], guard: CrashGuard, confirm: Confirm) -> None:
        await asyncio.sleep(self._opening)
        self.confirm = confirm
        self.takeovers.append(dict(takeovers))
        self.next |= {place: each.start for place, each in takeovers.items()}

    async def take(self, batches: Batches) -> None:
        assert self.confirm is not None
        for place, records in batches.items():
            for record in records:
                await self.confirm()
                if self._slow:
                    await asyncio.sleep(random.random() * 0.002)
                expected = self.next[place]
                assert record.offset == expected or (self._gaps and record.offset > expected)
                self.got.append((place, record.offset, record.value))
                self.next[place] = record.offset + 1

    async def tick(self) -> None:
        pass

    def skip_to(self, place: TopicPartition, offset: int) -> None:
        self.next[place] = max(self.next[place], offset)

    def positions(self) -> Mapping[TopicPartition, OffsetAndMetadata]:
        return {place: OffsetAndMetadata(offset, "") for place, offset in self.next.items()}

    async def settle(self, seconds: float) -> bool:
        return True

    def close(self) -> None:
        self.next.clear()

    def deleted(self, place: TopicPartition, records: int) -> None:
        self.gone[place] = self.gone.get(place, 0) + records

    def paused(self, places: Iterable[TopicPartition]) -> None:
        if set(places):
            self.is_paused.set()

    def unread(self, records: Mapping[TopicPartition, int]) -> None:
        pass

    @property
    def values(self) -> set[bytes | None]:
        return {value for _, _, value in self.got}

    async def has(self, count: int) -> None:
        async with asyncio.timeout(40):
            while len(self.values) < count:
                await asyncio.sleep(0.02)


@pytest.fixture
async def settings(kafka_settings: Settings) -> Settings:
    kafka = kafka_settings.kafka.model_copy(update={"session_timeout": 6.0, "rebalance_timeout": 6.0, "partitions": 2})
    found = kafka_settings.model_copy(update={"kafka": kafka})
    await create_topics(found)
    return found


def member(settings: Settings, handler: Handler, **reading: Any) -> GroupConsumer:
    usual = {"topics": (settings.topics.general.name,), "max_records": 50, "poll_seconds": 0.05, "commit_seconds": 0.2}
    reads = Reading(**(usual | reading))
    return GroupConsumer(settings.kafka, f"{settings.topic_prefix}group", reads, handler)


@asynccontextmanager
async def running(consumer: GroupConsumer) -> AsyncIterator[asyncio.Task[None]]:
    await consumer.start()
    task = asyncio.create_task(consumer.run())
    try:
        yield task
    finally:
        await consumer.stop()
        await asyncio.gather(task, return_exceptions=True)


def places(settings: Settings) -> list[TopicPartition]:
    return [TopicPartition(settings.topics.general.name, number) for number in range(settings.kafka.partitions)]


async def publish(
    settings: Settings, start: int, count: int, partition: int | None = None, topic: str | None = None
) -> None:
    producer = AIOKafkaProducer(**options(settings.kafka))
    await producer.start()
    topic = topic or settings.topics.general.name
    for number in range(start, start + count):
        where = number % settings.kafka.partitions if partition is None else partition
        await producer.send(topic, b"%d" % number, partition=where)
    await producer.stop()


async def committed(settings: Settings) -> dict[int, int]:
    found = await committed_offsets(settings.kafka, f"{settings.topic_prefix}group", places(settings))
    return {place.partition: mark.offset for place, mark in found.items()}


async def test_a_static_member_that_is_back_with_other_topics_is_assigned_them(settings: Settings) -> None:
    """Kafka gives a static member the assignment that it had, whatever it subscribes to now: nobody reads the rest."""
    static = settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"group_instance_id": "w-0"})})
    await publish(static, 0, 10)
    first, second = Handler(), Handler()
    async with running(member(static, first)):
        await first.has(10)
    await publish(static, 10, 10)
    await publish(static, 20, 10, topic=static.topics.proprietary.name)
    async with running(member(static, second, topics=(static.topics.general.name, static.topics.proprietary.name))):
        await second.has(20)
    assert not first.values & second.values


def test_a_static_member_is_the_same_one_while_it_reads_the_same_topics() -> None:
    assert instance_id("w-0", ["b", "a"]) == instance_id("w-0", ["a", "b"]) != instance_id("w-0", ["a"])
    assert instance_id(None, ["a"]) is None
    assert len(instance_id("w" * 240, ["a"]) or "") <= 249, "Kafka refuses a longer one"


async def test_the_first_commit_is_the_first_record_that_nobody_has_handled(settings: Settings) -> None:
    await publish(settings, 0, 200)
    handler = Handler(opening=1.5)  # meanwhile `getmany` gives out what was fetched at the assignment
    consumer, commits = member(settings, handler, commit_seconds=600.0), []
    commit = consumer._consumer.commit

    async def keep(offsets: Any) -> None:
        commits.append({place.partition: mark.offset for place, mark in offsets.items()})
        await commit(offsets)

    consumer._consumer.commit = keep
    async with running(consumer):
        await handler.has(200)
        assert commits == [{0: 0, 1: 0}] and await committed(settings) == {0: 0, 1: 0}
    assert await committed(settings) == {0: 100, 1: 100}


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.long)])
async def test_whatever_joins_and_leaves_no_commit_is_ahead_of_what_was_handled(settings: Settings, seed: int) -> None:
    source, handled, wrong = random.Random(seed), dict.fromkeys(places(settings), 0), []
    handlers: list[Handler] = []

    def watched() -> GroupConsumer:
        handler = Handler(opening=source.random() * 0.3, slow=True)
        handlers.append(handler)
        consumer = member(settings, handler, commit_seconds=0.05)
        commit = consumer._consumer.commit

        async def check(offsets: Any) -> None:
            for each in handlers:
                for place, offset, _ in each.got:
                    handled[place] = max(handled[place], offset + 1)
            wrong.extend((place, mark.offset) for place, mark in offsets.items() if mark.offset > handled[place])
            await commit(offsets)

        consumer._consumer.commit = check
        return consumer

    async with running(watched()):
        for turn in range(3):
            await publish(settings, turn * 300, 300)
            await asyncio.sleep(source.random())
            async with running(watched()):
                await asyncio.sleep(source.random() * 2)
        async with asyncio.timeout(40):
            while len({value for handler in handlers for value in handler.values}) < 900:
                await asyncio.sleep(0.05)
    assert wrong == []
    assert await committed(settings) == {0: 450, 1: 450}


async def test_reading_ends_though_its_client_does_not_stop(settings: Settings) -> None:
    """A client in a rebalance takes longer than the bound, and leaves a read without an end."""
    consumer, reads = member(settings, Handler()), asyncio.Event()

    async def never(**_: Any) -> None:
        reads.set()
        await asyncio.Event().wait()

    stop, consumer._consumer.getmany, consumer._consumer.stop = consumer._consumer.stop, never, never
    try:
        async with asyncio.timeout(40), running(consumer):
            await reads.wait()
    finally:
        await stop()


async def test_a_member_that_is_out_of_the_group_writes_nothing(settings: Settings) -> None:
    handler = Handler()
    consumer = member(settings, handler)
    async with running(consumer):
        await publish(settings, 0, 20)
        await handler.has(20)
        # The group has forgotten this member; it has not heard of it yet.
        await consumer._consumer._coordinator._maybe_leave_group()
        consumer._lease.end()
        before = len(handler.got)
        await publish(settings, 20, 20)
        await handler.has(40)
        assert len(handler.takeovers) >= 2, "it joined again, and went on from the commit"
        assert len(handler.got) - before <= 40
    assert await committed(settings) == {0: 20, 1: 20}


async def test_what_retention_deleted_before_it_was_read_is_counted(settings: Settings) -> None:
    first, place = Handler(gaps=True), places(settings)[0]
    await publish(settings, 0, 40)
    async with running(member(settings, first)):
        await first.has(40)
    await publish(settings, 40, 100)
    await delete_before(settings, place, 50)
    second = Handler(gaps=True)
    consumer = member(settings, second)
    async with running(consumer):
        await second.has(70)
        assert second.gone == {place: 30} and second.takeovers[0][place].start == 50
        second.congested = True  # nothing is read for now
        await asyncio.wait_for(second.is_paused.wait(), 20)
        await publish(settings, 200, 60, partition=0)
        await delete_before(settings, place, 100)
        second.congested = False
        await second.has(70 + 30)
        assert second.gone == {place: 60}
    assert await committed(settings) == {0: 130, 1: 70}


async def test_aborted_lines_are_left_out_and_marks_do_not_hold_the_commit_back(settings: Settings) -> None:
    topic = settings.topics.general.name
    producer = AIOKafkaProducer(**options(settings.kafka), transactional_id=f"{settings.topic_prefix}t")
    await producer.start()
    async with producer.transaction():
        await producer.send(topic, b"kept", partition=0)
    with suppress(KeyError):
        async with producer.transaction():
            await producer.send(topic, b"aborted", partition=0)
            raise KeyError
    await producer.stop()
    handler, handler_all = Handler(gaps=True), Handler(gaps=True)
    async with running(member(settings, handler)):
        await handler.has(1)
        async with asyncio.timeout(20):
            while await committed(settings) != {0: 4, 1: 0}:
                await asyncio.sleep(0.1)
    assert handler.values == {b"kept"} and handler.gone == {}
    consumer = GroupConsumer(
        settings.kafka, f"{settings.topic_prefix}other",
        Reading((topic,), 50, 0.05, 0.2, isolation_level="read_uncommitted"), handler_all,
    )  # fmt: skip
    async with running(consumer):
        await handler_all.has(2)
    assert handler_all.values == {b"kept", b"aborted"}


async def test_a_topic_that_was_made_again_is_read_from_its_start(settings: Settings) -> None:
    await publish(settings, 0, 40)
    first = Handler()
    async with running(member(settings, first)):
        await first.has(40)
    topic = settings.topics.general.name
    async with admin_client(settings.kafka) as admin:
        await admin.delete_topics([topic])
        async with asyncio.timeout(20):
            while True:
                await asyncio.sleep(0.3)
                with suppress(Exception):
                    await admin.create_topics([NewTopic(topic, 2, 1)])
                    break
    async with asyncio.timeout(20):
        while (await partition_counts(settings.kafka)).get(topic) != 2:
            await asyncio.sleep(0.1)
    await publish(settings, 100, 6)
    second = Handler()
    async with running(member(settings, second)):
        await second.has(6)
    assert all(each.replaced for each in second.takeovers[0].values()) or await committed(settings) == {0: 3, 1: 3}
    assert second.gone == {}


async def test_an_error_of_the_handler_ends_it_with_nothing_committed_of_the_batch(settings: Settings) -> None:
    await publish(settings, 0, 10)
    handler = Handler()

    async def fail(batches: Batches) -> None:
        raise BrokerError("refused")

    handler.take = fail  # type: ignore[method-assign]
    async with running(member(settings, handler)) as task:
        with pytest.raises(BrokerError, match="refused"):
            await asyncio.wait_for(task, 30)
    assert await committed(settings) == {0: 0, 1: 0}


async def delete_before(settings: Settings, place: TopicPartition, offset: int) -> None:
    async with admin_client(settings.kafka) as admin:
        await admin.delete_records({place: RecordsToDelete(before_offset=offset)})
