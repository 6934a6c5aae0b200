"""Tables of compacted topics: every partition read from its beginning, without a consumer group."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from fusionlog.errors import BrokerError, RecordError
from fusionlog.kafka.client import kafka_errors, options
from fusionlog.kafka.permissions import partitions_of
from fusionlog.kafka.stopping import CLOSE_SECONDS, bounded, cancelled
from fusionlog.kafka.table_dead_letters import log_refused
from fusionlog.kafka.table_records import RecordReader
from fusionlog.records import Record, Seconds
from fusionlog.settings import Settings
from fusionlog.topics import Topic

OnRecord = Callable[[str, Any], Awaitable[None] | None]
Refused = Callable[[ConsumerRecord, RecordError], Awaitable[None]]
"""Takes a record that cannot be decoded or used."""
Offsets = dict[TopicPartition, int]

# A read of a whole topic that gets nothing for this long has lost its broker.
STALL_SECONDS = 30.0
POLL_MS = 500

log = structlog.get_logger(__name__)


class Table:
    """A topic followed from its beginning. `on_record(key, record)` gets every record in the order of its partition.

    A tombstone is None. A record that cannot be decoded, or that `on_record` fails on, goes to `refused` and is left
    out: the topic stays usable.

    :param since: follow the topic from this time on (Unix seconds, of Kafka's timestamps), not from its beginning.
    :param prefix: leave out the records whose keys do not begin with it.
    """

    def __init__(
        self, settings: Settings, topic: Topic, on_record: OnRecord, refused: Refused = log_refused,
        since: Seconds | None = None, prefix: bytes = b"",
    ) -> None:  # fmt: skip
        self._settings, self._topic, self._on_record, self._refused = settings, topic, on_record, refused
        self._records = RecordReader(settings, topic)
        self._since, self._prefix = since, prefix
        self._stack = contextlib.AsyncExitStack()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read the topic's present records into `on_record`, then follow it in the background.

        :raises BrokerError: Kafka does not answer, or the topic is missing.
        """
        consumer = await self._stack.enter_async_context(_reader(self._settings, self._topic))
        try:
            ends = await _ends(self._settings, self._topic, consumer)
            if self._since is not None:
                await _seek_since(self._settings, self._topic, consumer, ends, self._since)
            async for records in _until(self._settings, self._topic, consumer, ends):
                await self._deliver(records)
        except BaseException:
            await self._stack.aclose()
            raise
        self._task = asyncio.create_task(self._follow(consumer), name=f"table {self._topic.name}")

    @property
    def background(self) -> tuple[asyncio.Task[None], ...]:
        """The task that follows the topic: it never ends by itself, so its end is a failure."""
        return () if self._task is None else (self._task,)

    async def stop(self) -> None:
        """Stop following."""
        await cancelled(self._task)
        self._task = None
        await self._stack.aclose()

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            await self._follow_new_partitions(consumer)
            async with kafka_errors(self._settings.kafka, f"following {self._topic.name}"):
                batches = await consumer.getmany(timeout_ms=POLL_MS)
            for records in batches.values():
                await self._deliver(records)

    async def _follow_new_partitions(self, consumer: AIOKafkaConsumer) -> None:
        """Follow partitions that were added to the topic, from their beginnings.

        The client learns of them every `FUSIONLOG_KAFKA__METADATA_SECONDS`.
        """
        known = consumer.assignment()
        numbers: set[int] = consumer.partitions_for_topic(self._topic.name) or set()
        new = {TopicPartition(self._topic.name, number) for number in numbers} - known
        if not new:
            return
        try:
            positions: Offsets = {place: await consumer.position(place) for place in known}
            positions |= await consumer.beginning_offsets(list(new))
        except (KafkaError, OSError) as error:
            log.warning("added partitions are not followed yet", topic=self._topic.name, error=str(error))
            return
        consumer.assign(list(positions))
        for place, position in positions.items():
            consumer.seek(place, position)
        log.info("partitions were added to a topic", topic=self._topic.name, partitions=len(positions))

    async def _deliver(self, records: Sequence[ConsumerRecord]) -> None:
        records = [record for record in records if (record.key or b"").startswith(self._prefix)]
        for record, found in zip(records, await self._records.read(records), strict=True):
            try:
                if isinstance(found, RecordError):
                    raise found
                await self._use(found.key, found.value)
            except RecordError as error:
                await self._refused(record, error)

    async def _use(self, key: str, value: Record | None) -> None:
        try:
            if (done := self._on_record(key, value)) is not None:
                await done
        except RecordError:
            raise
        except Exception as error:
            # One record of a compacted topic must not stop every worker that reads it, at every start.
            log.exception("a record could not be used", topic=self._topic.name, key=key)
            raise RecordError("not-usable", f"{type(error).__name__}: {error}") from error


async def read_all(
    settings: Settings, topic: Topic, limit_per_partition: int | None = None, refused: Refused = log_refused
) -> list[tuple[str, Any]]:
    """The present records of a topic as (key, record), in the order of each partition.

    Of a compacted topic: the newest record of each key, tombstoned keys left out. `limit_per_partition` takes only that
    many of the newest offsets of each partition. A record that cannot be decoded goes to `refused` and is left out.

    :raises BrokerError: Kafka does not answer, or the topic is missing.
    """
    found = [each async for each in _read(settings, topic, limit_per_partition, refused=refused)]
    if topic.cleanup == "compact":
        return [(key, value) for key, value in dict(found).items() if value is not None]
    return [(key, value) for key, value in found if value is not None]


async def read_committed(
    settings: Settings, topic: Topic, group: str, limit_per_partition: int, partitions: Collection[int] | None = None
) -> AsyncIterator[Any]:
    """The newest records of a topic before a consumer group's commits, in the order of each partition.

    :param partitions: those that are read; default: all of them.
    :raises BrokerError: Kafka does not answer, or the topic is missing.
    """
    async for _, record in _read(settings, topic, limit_per_partition, group, partitions=partitions):
        if record is not None:
            yield record


async def read_each(
    settings: Settings, topic: Topic, wanted: Callable[[str], bool], limit_per_partition: int | None = None
) -> AsyncIterator[tuple[str, Any]]:
    """The records of a topic whose key is wanted, in the order of each partition, one after the other; None is a
    tombstone. The others are not decoded.

    :raises BrokerError: Kafka does not answer, or the topic is missing.
    """
    async for each in _read(settings, topic, limit_per_partition, wanted=wanted):
        yield each


async def read_before(
    settings: Settings, topic: Topic, ends: Mapping[int, int], limit_per_partition: int
) -> dict[int, list[Any]]:
    """The newest records of partitions before these offsets, in their order; one that cannot be decoded is left out.

    :param ends: the offset before which each partition is read.
    :raises BrokerError: Kafka does not answer, or the topic is missing.
    """
    reader, found = RecordReader(settings, topic), dict[int, list[Any]]({partition: [] for partition in ends})
    before = {TopicPartition(topic.name, partition): end for partition, end in ends.items()}
    async with _reader(settings, topic) as consumer:
        consumer.assign(list(before))
        await _seek_newest(settings, topic, consumer, before, limit_per_partition)
        async for records in _until(settings, topic, consumer, before):
            records = [each for each in records if each.offset < before[TopicPartition(each.topic, each.partition)]]
            for record, read in zip(records, await reader.read(records), strict=True):
                if not isinstance(read, RecordError) and read.value is not None:
                    found[record.partition].append(read.value)
    return found


async def newest(settings: Settings, topic: Topic, limit_per_partition: int) -> list[ConsumerRecord]:
    """That many of the newest raw records of each partition, as Kafka has them.

    :raises BrokerError: Kafka does not answer, or the topic is missing.
    """
    async with _reader(settings, topic) as consumer:
        ends = await _ends(settings, topic, consumer)
        await _seek_newest(settings, topic, consumer, ends, limit_per_partition)
        return [record async for records in _until(settings, topic, consumer, ends) for record in records]


async def records_between(
    settings: Settings, topic: Topic, partition: int, first: int, last: int
) -> list[ConsumerRecord]:
    """The raw records of a partition from an offset to another, both included, as far as Kafka has them.

    :raises BrokerError: Kafka does not answer, or the topic is missing.
    """
    place = TopicPartition(topic.name, partition)
    async with _reader(settings, topic) as consumer:
        if place not in consumer.assignment():
            return []
        consumer.assign([place])
        start = (await consumer.beginning_offsets([place]))[place]
        end = min(last + 1, (await _ends(settings, topic, consumer))[place])
        consumer.seek(place, max(first, start))
        found = [record async for records in _until(settings, topic, consumer, {place: end}) for record in records]
    return [record for record in found if record.offset <= last]


async def _read(
    settings: Settings, topic: Topic, limit: int | None, group: str | None = None, refused: Refused = log_refused,
    wanted: Callable[[str], bool] | None = None,
    partitions: Collection[int] | None = None,
) -> AsyncIterator[tuple[str, Any]]:  # fmt: skip
    reader = RecordReader(settings, topic)
    async with _reader(settings, topic, group) as consumer:
        if partitions is not None:
            consumer.assign([TopicPartition(topic.name, number) for number in partitions])
        ends = await _ends(settings, topic, consumer, group)
        if limit is not None:
            await _seek_newest(settings, topic, consumer, ends, limit)
        async for records in _until(settings, topic, consumer, ends):
            if group is not None:
                records = [each for each in records if each.offset < ends[TopicPartition(each.topic, each.partition)]]
            if wanted is not None:
                records = [each for each in records if wanted((each.key or b"").decode("utf-8", "replace"))]
            for record, found in zip(records, await reader.read(records), strict=True):
                if isinstance(found, RecordError):
                    await refused(record, found)
                else:
                    yield found.key, found.value


@asynccontextmanager
async def _reader(settings: Settings, topic: Topic, group: str | None = None) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer at the beginning of all partitions of a topic. `group` is for its offsets: it is no member of it."""
    consumer = AIOKafkaConsumer(
        **options(settings.kafka),
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=topic.max_message_bytes,
    )
    async with kafka_errors(settings.kafka, f"reading {topic.name}"):
        try:
            await consumer.start()
            partitions = [
                TopicPartition(topic.name, number) for number in range(await partitions_of(settings.kafka, topic))
            ]
            consumer.assign(partitions)
            for partition, start in (await consumer.beginning_offsets(partitions)).items():
                consumer.seek(partition, start)
        except BaseException:
            await consumer.stop()
            raise
    try:
        yield consumer
    finally:
        await bounded(consumer.stop(), CLOSE_SECONDS, f"the reader of {topic.name}")


async def _ends(settings: Settings, topic: Topic, consumer: AIOKafkaConsumer, group: str | None = None) -> Offsets:
    """The present end offset of each partition; given a group, its committed offset."""
    async with kafka_errors(settings.kafka, f"reading {topic.name}"):
        partitions = list(consumer.assignment())
        ends: Offsets = await consumer.end_offsets(partitions)
        if group is None:
            return ends
        return {place: min(end, await consumer.committed(place) or 0) for place, end in ends.items()}


async def _seek_newest(
    settings: Settings, topic: Topic, consumer: AIOKafkaConsumer, ends: Offsets, newest: int
) -> None:
    """Seek to that many records before the ends."""
    async with kafka_errors(settings.kafka, f"reading {topic.name}"):
        starts = await consumer.beginning_offsets(list(ends))
        for partition, start in starts.items():
            consumer.seek(partition, max(start, ends[partition] - newest))


async def _seek_since(
    settings: Settings, topic: Topic, consumer: AIOKafkaConsumer, ends: Offsets, since: Seconds
) -> None:
    """Seek to the first records at or after a time; to the ends where there are none."""
    async with kafka_errors(settings.kafka, f"reading {topic.name}"):
        found = await consumer.offsets_for_times(dict.fromkeys(ends, int(since * 1000)))
        for partition, end in ends.items():
            mark = found.get(partition)
            consumer.seek(partition, end if mark is None else mark.offset)


async def _until(
    settings: Settings, topic: Topic, consumer: AIOKafkaConsumer, ends: Offsets
) -> AsyncIterator[list[ConsumerRecord]]:
    """The records before these offsets, and those fetched with them from behind; those of a partition together.

    :raises BrokerError: nothing came for STALL_SECONDS.
    """
    clock = asyncio.get_running_loop().time
    async with kafka_errors(settings.kafka, f"reading {topic.name}"):
        progress = clock()
        while await _behind(consumer, ends):
            batches = await consumer.getmany(timeout_ms=POLL_MS)
            for records in batches.values():
                yield records
            progress = clock() if batches else progress
            if clock() - progress > STALL_SECONDS:
                raise BrokerError(
                    f"Kafka at {settings.kafka.bootstrap_servers} stopped answering while {topic.name} was read"
                )


async def _behind(consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> bool:
    for partition, end in ends.items():
        if await consumer.position(partition) < end:
            return True
    return False
