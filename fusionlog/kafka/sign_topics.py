"""The move to signed records: unsigned ones of the topics of labels and models are written again with a signature."""

from __future__ import annotations

import asyncio

import structlog
from aiokafka import ConsumerRecord
from aiokafka.errors import KafkaError

from fusionlog import releases
from fusionlog.errors import BrokerError, ModelError, RecordError, SettingError
from fusionlog.kafka.producer import Producer
from fusionlog.kafka.table import newest
from fusionlog.kafka.table_records import decode
from fusionlog.records import ModelRelease, Record
from fusionlog.settings import Settings
from fusionlog.signing.envelope import signature_in
from fusionlog.signing.key_set import SETTING
from fusionlog.topics import Topic

EVERYTHING = 2**62
"""Records of a partition: all of them."""

log = structlog.get_logger(__name__)


async def sign_unsigned(settings: Settings, dry_run: bool = False, mixed: bool = False) -> dict[str, int]:
    """Sign the unsigned records of `labels` and `models` with the key of the settings; their number by topic.

    Of each key the last record counts. A record that cannot be decoded is left as it is, and logged.

    :param mixed: sign them also beside signed ones: since those were written an unsigned one may be forged.
    :raises SettingError: no public keys are set, there is no key that may sign these records, or they stand beside
        signed ones.
    :raises BrokerError: Kafka does not answer, or does not take a record.
    """
    if not settings.signatures.verifies:
        raise SettingError(SETTING, None, "records are not verified without it: run  fusionlog keys generate  first")
    settings.signatures.check_role("cli")
    topics = settings.topics.labels, settings.topics.models
    return {topic.name: await _sign(settings, topic, dry_run, mixed) for topic in topics}


async def _sign(settings: Settings, topic: Topic, dry_run: bool, mixed: bool) -> int:
    last = {record.key: record for record in await newest(settings, topic, EVERYTHING)}
    unsigned = [each for each in last.values() if each.value is not None and signature_in(each.headers) is None]
    found = [(key, record) for key, record in (_decoded(topic, each) for each in unsigned) if record is not None]
    signed = sum(signature_in(each.headers) is not None for each in last.values())
    if found and signed and not mixed:
        raise SettingError(
            "--mixed", mixed,
            f"{topic.name} has {signed} signed records, and {len(found)} unsigned ones, which may be forged since: "
            "look at them (fusionlog deadletter list --reason unsigned), and give --mixed to sign them all the same",
        )  # fmt: skip
    if found and not dry_run:
        await _write(settings, topic, found)
    return len(found)


def _decoded(topic: Topic, record: ConsumerRecord) -> tuple[str, Record | None]:
    try:
        found = decode(topic, record)
        if isinstance(found.value, ModelRelease):
            releases.verify(found.value, None)
    except (RecordError, ModelError) as error:
        log.warning("record left as it is", topic=topic.name, offset=record.offset, why=str(error))
        return "", None
    return found.key, found.value


async def _write(settings: Settings, topic: Topic, found: list[tuple[str, Record]]) -> None:
    producer = Producer(settings, "cli")
    await producer.start()
    try:
        await asyncio.gather(*[await producer.send(topic, key, _signed(settings, record)) for key, record in found])
    except KafkaError as error:
        raise BrokerError(f"{topic.name} did not take all signed records, run it again: {error}") from error
    finally:
        await producer.stop()


def _signed(settings: Settings, record: Record) -> Record:
    return releases.sign(record, settings.signatures) if isinstance(record, ModelRelease) else record
