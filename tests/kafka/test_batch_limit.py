"""A batch that would fill the memory is left out, and the consumer goes on behind it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import NewTopic
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from fusionlog.kafka import batch_limit
from fusionlog.kafka.client import admin_client, options
from tests.brokers import ApacheKafka

pytestmark = pytest.mark.kafka
TOPIC, BOMB = "bombs", 30_000_000


@pytest.mark.parametrize("codec", ["gzip", "lz4", "zstd", "snappy"])
async def test_a_consumer_goes_on_behind_a_batch_that_would_fill_the_memory(
    apache_kafka: ApacheKafka, monkeypatch: pytest.MonkeyPatch, codec: Any
) -> None:
    monkeypatch.setattr(batch_limit, "MAX_BATCH_BYTES", BOMB // 2)
    topic, kafka = f"{TOPIC}.{codec}", apache_kafka.settings
    async with admin_client(kafka) as admin:
        await admin.create_topics([NewTopic(topic, 1, 1, topic_configs={"max.message.bytes": "4000000"})])
    producer = AIOKafkaProducer(
        **options(kafka), compression_type=codec, max_request_size=2 * BOMB, max_batch_size=2 * BOMB
    )
    await producer.start()
    for value in (b"first", bytes(BOMB), b"small " * 1000, bytes(BOMB), b"last"):
        await producer.send_and_wait(topic, value)
    await producer.stop()
    consumer = AIOKafkaConsumer(**options(kafka), enable_auto_commit=False)
    await consumer.start()
    place = TopicPartition(topic, 0)
    consumer.assign([place])
    await consumer.seek_to_beginning(place)
    found: list[tuple[int, bytes]] = []
    try:
        with capture_logs() as logged:
            async with asyncio.timeout(30):
                while len(found) < 3:
                    for batch in (await consumer.getmany(timeout_ms=500)).values():
                        found += [(each.offset, (each.value or b"")[:5]) for each in batch]
        assert await consumer.position(place) == 5
    finally:
        await consumer.stop()
    assert found == [(0, b"first"), (2, b"small"), (4, b"last")]
    shown = [(each["topic"], each["offset"], each["records"]) for each in logged if "left out" in each["event"]]
    assert shown == [(topic, 1, 1), (topic, 3, 1)]
    assert REGISTRY.get_sample_value("fusionlog_batches_left_out_total", {"topic": topic, "partition": "0"}) == 2
