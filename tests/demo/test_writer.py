"""The writer of a demo, against a real Kafka: the envelope, the one partition, the offset of its first line."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition

from fusionlog.demo.feed import Feed, read_feed
from fusionlog.demo.progress import Progress
from fusionlog.demo.writer import PARTITION, Writer
from fusionlog.errors import BrokerError
from fusionlog.kafka.admin import create_topics
from fusionlog.kafka.client import options
from fusionlog.settings import KafkaSettings, Settings
from tests.brokers import free_ports
from tests.demo.test_feed import BY_SESSION, make_data

LINES = ["opened s=a", "closed s=a", "opened s=b", "failed s=b"]


@pytest.fixture
def feed(tmp_path: Path) -> Feed:
    return read_feed(make_data(tmp_path, {"a": LINES[:2], "b": LINES[2:]}), "shop", BY_SESSION)


@pytest.fixture
def settings(kafka_settings: Settings, tmp_path: Path) -> Settings:
    """Those of the shared Kafka, with a system to write for."""
    (tmp_path / "systems.yaml").write_text("shop: {}\n", encoding="utf-8")
    return Settings(
        kafka=kafka_settings.kafka, topic_prefix=kafka_settings.topic_prefix, raw_prefix=kafka_settings.raw_prefix,
        systems_file=tmp_path / "systems.yaml",
    )  # fmt: skip


def make_progress() -> Progress:
    return Progress(target="shop", teacher="nobody", lines_total=len(LINES))


async def read_partition(settings: Settings, first: int, count: int) -> list[ConsumerRecord]:
    """The records of the lines' partition from an offset, and that there are no more."""
    place = TopicPartition(settings.topics.raw("shop").name, PARTITION)
    found: list[ConsumerRecord] = []
    async with AIOKafkaConsumer(**options(settings.kafka)) as consumer:
        consumer.assign([place])
        assert (await consumer.end_offsets([place]))[place] == first + count
        consumer.seek(place, first)
        while len(found) < count:
            found.append(await consumer.getone())
    return found


@pytest.mark.kafka
async def test_lines_are_written_once_in_order_with_their_times_after_what_the_topic_had(
    settings: Settings, feed: Feed
) -> None:
    await create_topics(settings)
    async with AIOKafkaProducer(**options(settings.kafka)) as other:
        await other.send_and_wait(settings.topics.raw("shop").name, b"of another run", partition=PARTITION)
    progress = make_progress()
    async with Writer(settings, feed, progress) as writer:
        await writer.write_until(2, 0)
        assert progress.lines_sent == 2
        await writer.write_until(4, 0)
    assert (progress.lines_sent, writer.first_offset) == (4, 1)
    written = [json.loads(record.value) for record in await read_partition(settings, 1, len(LINES))]
    assert written == [
        {"timestamp": at, "message": line} for at, line in zip(feed.times, LINES, strict=True)
    ]  # fmt: skip


@pytest.mark.kafka
async def test_lines_over_seconds_are_written_in_equal_parts(settings: Settings, feed: Feed) -> None:
    await create_topics(settings)
    progress, seen = make_progress(), {0}

    async def watch() -> None:
        while progress.lines_sent < len(LINES):
            await asyncio.sleep(0.005)
            seen.add(progress.lines_sent)

    async with Writer(settings, feed, progress) as writer:
        watching = asyncio.create_task(watch())
        await writer.write_until(4, 0.4)
        await watching
    assert seen == {0, 1, 2, 3, 4}


async def test_a_kafka_that_does_not_answer_is_said_with_what_was_tried(feed: Feed) -> None:
    address = f"127.0.0.1:{free_ports(1)[0]}"
    writer = Writer(Settings(kafka=KafkaSettings(bootstrap_servers=address)), feed, make_progress())
    with pytest.raises(BrokerError, match=f"Kafka at {address} failed at starting the writer of lines"):
        await writer.start()
    await writer.stop()
