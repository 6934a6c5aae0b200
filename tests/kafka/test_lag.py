"""The lag of a group, on Apache Kafka: of all partitions that there are, and what was deleted behind the commit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import NewPartitions
from aiokafka.admin.records_to_delete import RecordsToDelete
from prometheus_client import REGISTRY

from fusionlog.kafka.admin import create_topics
from fusionlog.kafka.client import admin_client, options, partition_counts
from fusionlog.kafka.lag import EVERY_SECONDS, LagMonitor
from fusionlog.observability import metrics
from fusionlog.settings import KafkaSettings, Settings
from tests.brokers import free_ports

pytestmark = pytest.mark.kafka


@pytest.fixture
async def settings(kafka_settings: Settings) -> AsyncIterator[Settings]:
    kafka = kafka_settings.kafka.model_copy(update={"partitions": 1, "metadata_seconds": 0.5})
    found = kafka_settings.model_copy(update={"kafka": kafka})
    await create_topics(found)
    yield found


def sample(name: str, topic: str, partition: int) -> float | None:
    labels = {"topic": topic, "partition": str(partition)}
    return REGISTRY.get_sample_value(name, {"system": "", **labels} if "lag" in name else labels)


async def shows(name: str, topic: str, partition: int, value: float) -> None:
    async with asyncio.timeout(30):
        while sample(name, topic, partition) != value:
            await asyncio.sleep(0.1)


async def send(settings: Settings, topic: str, count: int, partition: int) -> None:
    async with AIOKafkaProducer(**options(settings.kafka)) as producer:
        for _ in range(count):
            await producer.send(topic, b"x", partition=partition)


async def test_partitions_that_are_added_are_watched_and_what_is_deleted_is_counted_once(settings: Settings) -> None:
    topic, group = settings.topics.proprietary, f"{settings.topic_prefix}label"
    await send(settings, topic.name, 10, 0)
    async with AIOKafkaConsumer(**options(settings.kafka), group_id=group, enable_auto_commit=False) as consumer:
        consumer.assign([TopicPartition(topic.name, 0)])
        await consumer.commit({TopicPartition(topic.name, 0): 2})
    watch = LagMonitor(settings, group, topic, count_deleted=True)
    watch.start()
    try:
        await shows("fusionlog_lag_records", topic.name, 0, 8)
        async with admin_client(settings.kafka) as admin:
            await admin.create_partitions({topic.name: NewPartitions(2)})
            async with asyncio.timeout(20):
                while (await partition_counts(settings.kafka))[topic.name] < 2:
                    await asyncio.sleep(0.1)
            await send(settings, topic.name, 5, 1)
            await shows("fusionlog_lag_records", topic.name, 1, 5)
            await admin.delete_records({TopicPartition(topic.name, 0): RecordsToDelete(before_offset=6)})
        await shows("fusionlog_windows_deleted_total", topic.name, 0, 4)
        await shows("fusionlog_lag_records", topic.name, 0, 4)
        await asyncio.sleep(EVERY_SECONDS * 1.5)  # it looks once more, and counts nothing again
        assert sample("fusionlog_windows_deleted_total", topic.name, 0) == 4
        assert sample("fusionlog_windows_deleted_total", topic.name, 1) is None
    finally:
        await watch.stop()


async def test_a_lag_that_cannot_be_read_has_no_series(kafka_settings: Settings) -> None:
    (port,) = free_ports(1)
    away = kafka_settings.model_copy(update={"kafka": KafkaSettings(bootstrap_servers=f"127.0.0.1:{port}")})
    topic = away.topics.general
    watch = LagMonitor(away, "g", topic)
    place = TopicPartition(topic.name, 0)
    metrics.LAG.labels("", topic.name, "0").set(5)
    watch._shown.add(place)
    watch.start()
    try:
        async with asyncio.timeout(20):
            while sample("fusionlog_lag_records", topic.name, 0) is not None:
                await asyncio.sleep(0.05)
    finally:
        await watch.stop()
