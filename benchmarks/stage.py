"""What is measured on: an Apache Kafka of its own on loopback, topics, a model, and raw lines that lie ready."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml
from aiokafka import AIOKafkaProducer

from benchmarks.kafka import ApacheKafka, kafka_jars
from benchmarks.lines import Stream
from benchmarks.models import release_of
from fusionlog.embedding import NamedEncode
from fusionlog.evaluation.datasets import Session, session_windows
from fusionlog.records import ModelRelease
from fusionlog.settings import KafkaSettings, Settings, SystemSettings
from fusionlog.streaming import codecs
from fusionlog.streaming.admin import create_topics
from fusionlog.streaming.client import options
from fusionlog.streaming.producer import Producer

BATCH_BYTES = 512 * 1024
KNOWN_LINES = 20_000
"""The model of a stage knows the events of so many lines, so that most windows are general."""


@contextmanager
def kafka() -> Iterator[KafkaSettings]:
    """A broker for one measurement, its storage in a directory that goes with it.

    :raises KafkaUnavailable: Java or Maven is missing.
    """
    with tempfile.TemporaryDirectory(prefix="fusionlog-benchmark-") as directory:
        broker = ApacheKafka(Path(directory) / "kafka", kafka_jars())
        broker.start()
        try:
            yield broker.settings
        finally:
            broker.stop()


@dataclass(frozen=True)
class Stage:
    """Settings for a stream on a broker; `prefix` tells the topics of one contender from another's."""

    kafka: KafkaSettings
    stream: Stream
    directory: Path
    partitions: int = 1

    def settings(self, prefix: str, system: SystemSettings | None = None) -> Settings:
        """Settings with output topics of their own; raw topics are shared."""
        path = self.directory / f"{prefix}systems.yaml"
        described = (system or self.stream.system).model_dump(mode="json", exclude_defaults=True)
        path.write_text(yaml.safe_dump({self.stream.name: described}))
        return Settings(
            kafka=self.kafka.model_copy(update={"partitions": self.partitions}), systems_file=path,
            topic_prefix=prefix, raw_prefix=f"raw.{self.partitions}.", method="source-only",
        )  # fmt: skip


async def prepare(settings: Settings, release: ModelRelease | None = None) -> None:
    """Topics, and a model on its topic."""
    await create_topics(settings)
    if release is not None:
        producer = Producer(settings)
        await producer.start()
        await (await producer.send(settings.topics.models, codecs.key_of(release), release))
        await producer.stop()


async def fill(settings: Settings, stream: Stream, number: int, start: int = 0) -> None:
    """Lay lines ready in the raw topic, a session's in one partition, a step of event time apart, up to now."""
    topic = settings.topics.raw(stream.name)
    first = time.time() - number * stream.step
    producer = AIOKafkaProducer(
        **options(settings.kafka), max_batch_size=BATCH_BYTES, linger_ms=5, compression_type="lz4"
    )
    await producer.start()
    acks = []
    builders = {place: producer.create_batch() for place in range(topic.partitions)}
    for place, line in enumerate(stream.take(number, start)):
        partition, at = stream.partition(line, place, topic.partitions), int(1000 * (first + place * stream.step))
        if builders[partition].append(key=None, value=line, timestamp=at) is None:
            acks.append(await producer.send_batch(builders[partition], topic.name, partition=partition))
            builders[partition] = producer.create_batch()
            builders[partition].append(key=None, value=line, timestamp=at)
    for partition, builder in builders.items():
        if builder.record_count():
            acks.append(await producer.send_batch(builder, topic.name, partition=partition))
    for ack in acks:
        await ack
    await producer.stop()


def model_of(stream: Stream, encode: NamedEncode, threshold: float = 0.5) -> ModelRelease:
    """A model that knows most of a stream's events."""
    some = Session("all", [line.decode(errors="replace") for line in stream.lines[:KNOWN_LINES]])
    return release_of(session_windows(stream.name, stream.system, [some], Settings().ingest), encode, threshold)
