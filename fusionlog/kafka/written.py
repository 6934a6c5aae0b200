"""Records that a command or the console writes: all are in Kafka when it ends, or it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from aiokafka.errors import KafkaError

from fusionlog import releases
from fusionlog.errors import BrokerError
from fusionlog.kafka import failures
from fusionlog.kafka.producer import Producer
from fusionlog.records import ModelRelease, Record
from fusionlog.settings import Settings
from fusionlog.topics import Role, Topic


async def write(settings: Settings, topic: Topic, records: Mapping[str, Record | None], role: Role = "cli") -> None:
    """Write records by key (None removes one), and wait until Kafka has them.

    :param role: that of this process.
    :raises BrokerError: it does not take them.
    :raises SettingError: the topic's records are verified, and this process has no key that may sign these.
    """
    producer = Producer(settings, role)
    await producer.start()
    try:
        await asyncio.gather(*[await producer.send(topic, key, record) for key, record in records.items()])
    except KafkaError as error:
        why = failures.reason(error, settings.kafka, "Write")
        raise BrokerError(f"{topic.name} did not take all {len(records)} records, run it again: {why}") from error
    finally:
        await producer.stop()


async def publish_release(settings: Settings, release: ModelRelease, role: Role) -> ModelRelease:
    """Sign a release, where a key is configured, and wait until Kafka has acknowledged it.

    It is signed in this process: of a job its driver, no task has the key.

    :raises SettingError: releases are verified, and this process has no key that may sign them.
    :raises BrokerError: Kafka does not take it.
    """
    signed = releases.sign(release, settings.signatures)
    producer = Producer(settings, role)
    await producer.start()
    try:
        acknowledged = await producer.send(settings.topics.models, f"{signed.system}/{signed.version}", signed)
        await acknowledged
    except KafkaError as error:
        why = failures.reason(error, settings.kafka, "Write")
        raise BrokerError(f"{settings.topics.models.name} did not take release {signed.version}: {why}") from error
    finally:
        await producer.stop()
    return signed
