"""Whole topics read from Apache Kafka."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import NewPartitions
from aiokafka.errors import KafkaError

from fusionlog.errors import BrokerError
from fusionlog.kafka import codecs
from fusionlog.kafka.admin import create_topics
from fusionlog.kafka.client import admin_client, options
from fusionlog.kafka.producer import Producer
from fusionlog.kafka.table import Table, read_all, read_committed
from fusionlog.records import PseudoLabel
from fusionlog.settings import Settings
from tests.factories import make_label, make_window

pytestmark = pytest.mark.kafka


async def publish(settings: Settings, labels: list[PseudoLabel], *, delete: list[str] | None = None) -> None:
    producer = Producer(settings)
    await producer.start()
    topic = settings.topics.labels
    acks = [await producer.send(topic, codecs.key_of(label), label) for label in labels]
    acks += [await producer.send(topic, key, None) for key in delete or []]
    await asyncio.gather(*acks)
    await producer.stop()


def labels(count: int, probability: float = 0.9) -> list[PseudoLabel]:
    return [make_label(make_window(), probability, shape=f"shape{number}") for number in range(count)]


async def test_read_all_gives_the_newest_of_each_key_and_no_tombstone(kafka_settings: Settings) -> None:
    await create_topics(kafka_settings)
    await publish(kafka_settings, labels(20, 0.9))
    await publish(kafka_settings, labels(20, 0.1), delete=["shop/shape3"])
    found = dict(await read_all(kafka_settings, kafka_settings.topics.labels))
    assert len(found) == 19 and "shop/shape3" not in found
    assert {label.probability for label in found.values()} == {0.1}


async def test_a_table_since_a_time_has_the_later_records_of_its_keys_alone(kafka_settings: Settings) -> None:
    await create_topics(kafka_settings)
    topic, found = kafka_settings.topics.labels, list[str]()
    producer = AIOKafkaProducer(**options(kafka_settings.kafka))
    await producer.start()
    for seconds, system in ((1000, "shop"), (2000, "shop"), (2001, "mill"), (3000, "shop")):
        for label in labels(4):
            key = f"{system}/{seconds}-{label.shape}".encode()
            await producer.send_and_wait(topic.name, codecs.encode(label), key, timestamp_ms=1000 * seconds)
    await producer.stop()

    def on_record(key: str, label: PseudoLabel | None) -> None:
        found.append(key)

    for since, times in ((2000.0, ["2000", "3000"]), (2000.5, ["3000"]), (9000.0, [])):
        found.clear()
        table = Table(kafka_settings, topic, on_record, since=since, prefix=b"shop/")
        await table.start()
        await table.stop()
        assert sorted(found) == sorted(f"shop/{each}-shape{n}" for each in times for n in range(4))


async def test_read_all_of_an_empty_topic_is_empty(kafka_settings: Settings) -> None:
    await create_topics(kafka_settings)
    assert await read_all(kafka_settings, kafka_settings.topics.labels) == []


async def test_read_all_limits_to_the_newest_of_each_partition(kafka_settings: Settings) -> None:
    await create_topics(kafka_settings)
    producer = Producer(kafka_settings)
    await producer.start()
    windows = [make_window(first_offset=number) for number in range(30)]
    for window in windows:
        await producer.send(kafka_settings.topics.general, codecs.key_of(window), window)
    await producer.stop()
    found = await read_all(kafka_settings, kafka_settings.topics.general, limit_per_partition=5)
    assert [record for _, record in found] == windows[-5:]


async def test_what_a_group_has_done_with_is_read_and_nothing_behind_it(kafka_settings: Settings) -> None:
    await create_topics(kafka_settings)
    producer, topic = Producer(kafka_settings), kafka_settings.topics.proprietary
    await producer.start()
    windows = [make_window(first_offset=number) for number in range(30)]
    [place] = {(await (await producer.send(topic, "shop/s", window))).topic_partition for window in windows}
    await producer.stop()
    group = f"{kafka_settings.topic_prefix}label"
    assert [each async for each in read_committed(kafka_settings, topic, group, 5)] == []
    async with AIOKafkaConsumer(**options(kafka_settings.kafka), group_id=group, enable_auto_commit=False) as consumer:
        consumer.assign([place])
        await consumer.commit({place: 20})
    assert [each async for each in read_committed(kafka_settings, topic, group, 5)] == windows[15:20]
    assert [each async for each in read_committed(kafka_settings, topic, group, 100)] == windows[:20]


async def test_a_missing_topic_is_said_and_not_created(kafka_settings: Settings) -> None:
    with pytest.raises(BrokerError, match="fusionlog topics create"):
        await read_all(kafka_settings, kafka_settings.topics.labels)


async def test_a_table_starts_with_what_is_there_and_follows(kafka_settings: Settings) -> None:
    await create_topics(kafka_settings)
    await publish(kafka_settings, labels(7))
    seen: list[str] = []
    table = Table(kafka_settings, kafka_settings.topics.labels, lambda key, record: seen.append(key))
    await table.start()
    assert len(seen) == 7
    await publish(kafka_settings, labels(1))
    async with asyncio.timeout(10):
        while len(seen) < 8:
            await asyncio.sleep(0.02)
    await table.stop()


async def test_a_table_follows_partitions_that_are_added(kafka_settings: Settings) -> None:
    quick = kafka_settings.kafka.model_copy(update={"metadata_seconds": 0.5})
    settings = kafka_settings.model_copy(update={"kafka": quick})
    topic = settings.topics.labels
    await create_topics(settings)
    await publish(settings, labels(7))
    seen: list[str] = []
    table = Table(settings, topic, lambda key, record: seen.append(key))
    await table.start()
    async with admin_client(settings.kafka) as admin:
        await admin.create_partitions({topic.name: NewPartitions(topic.partitions + 6)})
    producer = AIOKafkaProducer(**options(settings.kafka))
    await producer.start()
    for number in range(topic.partitions + 6):
        label = make_label(make_window(), shape=f"new{number}")
        async with asyncio.timeout(20):
            while True:
                try:
                    await producer.send_and_wait(topic.name, codecs.encode(label), b"k%d" % number, partition=number)
                    break
                except (AssertionError, KafkaError):  # it does not know the partition yet
                    await asyncio.sleep(0.1)
    await producer.stop()
    async with asyncio.timeout(20):
        while len(seen) < 7 + topic.partitions + 6:
            await asyncio.sleep(0.05)
    assert sorted(seen[:7]) == sorted(f"shop/shape{number}" for number in range(7))
    assert sorted(seen[7:]) == sorted(f"k{number}" for number in range(topic.partitions + 6)), "each once"
    await table.stop()


async def test_garbage_is_left_out(kafka_settings: Settings) -> None:
    await create_topics(kafka_settings)
    producer = Producer(kafka_settings)
    await producer.start()
    await (await producer.send_raw(kafka_settings.topics.labels, b"k", b"{not json"))
    await producer.stop()
    await publish(kafka_settings, labels(1))
    assert len(await read_all(kafka_settings, kafka_settings.topics.labels)) == 1
