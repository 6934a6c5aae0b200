"""Records that a command writes: all are in Kafka when it ends, or it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from aiokafka.errors import KafkaError

from fusionlog.errors import BrokerError
from fusionlog.kafka import failures
from fusionlog.kafka.producer import Producer
from fusionlog.records import Record
from fusionlog.settings import Settings
from fusionlog.topics import Topic


async def write(settings: Settings, topic: Topic, records: Mapping[str, Record | None]) -> None:
    """Write records by key (None removes one), and wait until Kafka has them.

    :raises BrokerError: it does not take them.
    :raises SettingError: the topic's records are verified, and this process has no key that may sign these.
    """
    producer = Producer(settings, "cli")
    await producer.start()
    try:
        await asyncio.gather(*[await producer.send(topic, key, record) for key, record in records.items()])
    except KafkaError as error:
        why = failures.reason(error, settings.kafka, "Write")
        raise BrokerError(f"{topic.name} did not take all {len(records)} records, run it again: {why}") from error
    finally:
        await producer.stop()
