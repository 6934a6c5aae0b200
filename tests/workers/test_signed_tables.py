"""What forgers write to `labels` and `models` on Apache Kafka is refused, counted and a dead letter."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from msgspec.structs import replace
from prometheus_client import REGISTRY
from structlog.testing import capture_logs
from typer.testing import CliRunner

from fusionlog import releases
from fusionlog.cli.main import app
from fusionlog.kafka import codecs, dead_letters
from fusionlog.kafka.admin import create_topics
from fusionlog.kafka.client import options
from fusionlog.kafka.producer import Producer
from fusionlog.kafka.table import read_all
from fusionlog.kafka.table_dead_letters import TableDeadLetters
from fusionlog.online.knowledge import Knowledge
from fusionlog.records import Record
from fusionlog.settings import Settings, SigningSettings, SystemSettings
from fusionlog.topics import Topic
from fusionlog.workers.knowledge_tables import KnowledgeTables
from tests.encoders import WordEncoder
from tests.factories import make_label, make_window
from tests.online.factories import WORDS, release
from tests.signing.factories import write_keys


def with_keys(settings: Settings, signing: SigningSettings) -> Settings:
    found = Settings(**{**settings.model_dump(), "signing": signing})
    found.__dict__["systems"] = {"shop": SystemSettings()}
    return found


async def write(settings: Settings, topic: Topic, *records: Record) -> None:
    producer = Producer(settings)
    await producer.start()
    for record in records:
        await (await producer.send(topic, codecs.key_of(record), record))
    await producer.stop()


async def forge(settings: Settings, topic: Topic, key: bytes, value: bytes | None, headers: list | None = None) -> None:
    async with AIOKafkaProducer(**options(settings.kafka)) as producer:
        await producer.send_and_wait(topic.name, value, key, headers=headers or [])


def refused(topic: Topic) -> Counter[str]:
    reasons = ("unsigned", "unknown-key", "bad-signature", "wrong-signer", "replayed", "retired-key")
    name = "fusionlog_table_records_refused_total"
    found = {each: REGISTRY.get_sample_value(name, {"topic": topic.name, "reason": each}) or 0.0 for each in reasons}
    return Counter({reason: int(number) for reason, number in found.items() if number})


@pytest.mark.kafka
async def test_forged_labels_and_releases_are_refused_by_running_workers_and_new_ones(
    kafka_settings: Settings, tmp_path: Path
) -> None:
    await create_topics(kafka_settings)
    keys = write_keys(tmp_path)
    (tmp_path / "other").mkdir()
    foreign = write_keys(tmp_path / "other")
    worker, labeller, trainer = (with_keys(kafka_settings, keys[each]) for each in ("reader", "label", "trainer"))
    topics = worker.topics
    label = make_label(make_window("disk failed"), 0.9, labelled_at=1000.0)
    normal = replace(label, probability=0.0)
    base = releases.sign(release("*", created=1.0), trainer.signatures)
    evil = releases.sealed(replace(release("*", created=9e8), threshold=1.0))

    await write(labeller, topics.labels, label)
    await write(trainer, topics.models, base)
    producer = Producer(worker, "score")
    await producer.start()

    async def started() -> KnowledgeTables:
        def make(system: str) -> Knowledge:
            return Knowledge(system, WordEncoder(*WORDS), worker.signatures)

        found = KnowledgeTables(worker, make, TableDeadLetters(worker, producer, "score"))
        await found.start()
        return found

    running = await started()
    assert running.of("shop").version == base.version
    assert running.of("shop").label_of(label.shape) == label

    with capture_logs() as logs:
        await write(kafka_settings, topics.labels, normal)  # A writer that has Kafka's password and no key.
        await write(kafka_settings, topics.models, evil)
        await write(with_keys(kafka_settings, foreign["label"]), topics.labels, normal)
        await forge(worker, topics.labels, codecs.key_of(label).encode(), None)
        [(key, value, headers)] = await raw_of(worker, topics.labels, "label")
        await forge(worker, topics.labels, b"shop/other", value, headers)
        await forge(worker, topics.labels, key, value.replace(b'"probability":0.9', b'"probability":0.1'), headers)
        await forge(worker, topics.models, codecs.key_of(evil).encode(), codecs.encode(evil), headers)
        async with asyncio.timeout(20):
            while sum((refused(topics.labels) + refused(topics.models)).values()) < 7:
                await asyncio.sleep(0.05)
    assert refused(topics.labels) == {"unsigned": 2, "unknown-key": 1, "bad-signature": 2}
    assert refused(topics.models) == {"unsigned": 1, "bad-signature": 1}
    assert sum(each["event"] == "record left out" for each in logs) == 7

    for tables in (running, await started()):
        assert tables.of("shop").version == base.version
        assert tables.of("shop").label_of(label.shape) == label
        await tables.stop()
    await producer.stop()
    letters = await dead_letters.read_letters(worker, 100)
    assert Counter(letter.reason for letter in letters) == {"unsigned": 3, "unknown-key": 1, "bad-signature": 3}
    assert sum(letter.signature is not None for letter in letters) == 4, "what a replay sends again"


async def raw_of(settings: Settings, topic: Topic, signer: str) -> list[tuple[bytes, bytes, list]]:
    """The records of a topic that a signer's key signed."""
    from fusionlog.kafka.table import newest
    from fusionlog.signing.envelope import key_of, signature_in
    from fusionlog.signing.key_set import read_key_set

    ids = read_key_set(settings.signing.public_keys or Path()).of(signer)
    found = [each for each in await newest(settings, topic, 100) if key_of(signature_in(each.headers)) in ids]
    return [(each.key, each.value, list(each.headers)) for each in found]


@pytest.mark.kafka
async def test_what_was_written_before_the_keys_is_signed_by_an_operator(
    kafka_settings: Settings, tmp_path: Path
) -> None:
    await create_topics(kafka_settings)
    keys, topics = write_keys(tmp_path), kafka_settings.topics
    label, base = make_label(make_window("disk failed")), release("*", created=1.0)
    await write(kafka_settings, topics.labels, label)
    await write(kafka_settings, topics.models, base)
    reader = with_keys(kafka_settings, keys["reader"])
    assert await read_all(reader, topics.labels) == await read_all(reader, topics.models) == []

    def sign(*words: str, signer: str = "operator") -> str:
        environment = {
            "FUSIONLOG_KAFKA__BOOTSTRAP_SERVERS": kafka_settings.kafka.bootstrap_servers,
            "FUSIONLOG_TOPIC_PREFIX": kafka_settings.topic_prefix,
            "FUSIONLOG_SIGNING__PUBLIC_KEYS": str(keys["reader"].public_keys),
            "FUSIONLOG_SIGNING__KEY_FILE": str(keys[signer].key_file),
        }
        done = CliRunner(env=environment).invoke(app, ["keys", "sign", *words])
        return done.output if done.exit_code == 0 else str(done.exception)

    assert "give the private key of operator" in await asyncio.to_thread(sign, signer="label")
    assert "labels: 1 unsigned records would be signed" in await asyncio.to_thread(sign, "--dry-run")
    assert await read_all(reader, topics.labels) == []
    assert "models: 1 unsigned records are signed" in await asyncio.to_thread(sign)
    assert [found for _, found in await read_all(reader, topics.labels)] == [label]
    [(_, found)] = await read_all(reader, topics.models)
    releases.verify(found, reader.signatures)
    assert "labels: 0 unsigned records are signed" in await asyncio.to_thread(sign)
    later = make_label(make_window("disk full"))
    await write(kafka_settings, topics.labels, later)
    assert "has 1 signed records, and 1 unsigned ones, which may be forged" in await asyncio.to_thread(sign)
    assert "labels: 1 unsigned records are signed" in await asyncio.to_thread(sign, "--mixed")
    assert {found.shape for _, found in await read_all(reader, topics.labels)} == {label.shape, later.shape}
