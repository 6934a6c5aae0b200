"""What is measured on: an Apache Kafka of its own on loopback, topics, a model, and raw lines that lie ready."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from uuid import uuid4

import yaml
from aiokafka import AIOKafkaProducer

from benchmarks.kafka import ApacheKafka, kafka_jars
from benchmarks.lines import Stream
from benchmarks.models import release_of
from fusionlog.data.systems import Session, session_windows
from fusionlog.decision import THRESHOLD
from fusionlog.embedding.encoder import NamedEncode
from fusionlog.kafka import codecs
from fusionlog.kafka.admin import create_topics
from fusionlog.kafka.client import options
from fusionlog.kafka.producer import Ack, Producer
from fusionlog.records import ModelRelease
from fusionlog.settings import KafkaSettings, Settings, SystemSettings
from fusionlog.topics import Topic

BATCH_BYTES = 512 * 1024
TICK_SECONDS = 0.01
KNOWN_LINES = 20_000
"""The model of a stage knows the events of so many lines, so that most windows are general."""


@contextmanager
def kafka() -> Iterator[ApacheKafka]:
    """A broker for one measurement, its storage in a directory that goes with it.

    :raises KafkaUnavailable: Java or Maven is missing.
    """
    with tempfile.TemporaryDirectory(prefix="fusionlog-benchmark-") as directory:
        broker = ApacheKafka(Path(directory) / "kafka", kafka_jars())
        broker.start()
        try:
            yield broker
        finally:
            broker.stop()


@dataclass(frozen=True)
class Stage:
    """Settings for a stream on a broker. Topics are of this stage alone: a broker may have seen others."""

    kafka: KafkaSettings
    stream: Stream
    directory: Path
    partitions: int = 1
    name: str = field(default_factory=lambda: f"b{uuid4().hex[:8]}.")

    def settings(self, prefix: str, system: SystemSettings | None = None, raw: str = "raw.") -> Settings:
        """Settings with output topics of their own; raw topics are shared unless they are named otherwise.

        :param prefix: tells the topics of one contender from another's.
        """
        path = self.directory / f"{prefix}systems.yaml"
        described = (system or self.stream.system).model_dump(mode="json", exclude_defaults=True)
        path.write_text(yaml.safe_dump({self.stream.name: described}))
        return Settings(
            kafka=self.kafka.model_copy(update={"partitions": self.partitions}), systems_file=path,
            topic_prefix=f"{self.name}{prefix}", raw_prefix=f"{self.name}{raw}", method="source-only",
        )  # fmt: skip

    def env(self, settings: Settings, encoder: Path) -> dict[str, str]:
        """The settings for worker processes. A silent partition keeps its windows, lest a pause be measured."""
        return {
            "FUSIONLOG_KAFKA__BOOTSTRAP_SERVERS": self.kafka.bootstrap_servers,
            "FUSIONLOG_KAFKA__SESSION_TIMEOUT": str(self.kafka.session_timeout),
            "FUSIONLOG_KAFKA__REBALANCE_TIMEOUT": str(self.kafka.rebalance_timeout),
            "FUSIONLOG_KAFKA__PARTITIONS": str(self.partitions),
            "FUSIONLOG_SYSTEMS_FILE": str(settings.systems_file),
            "FUSIONLOG_TOPIC_PREFIX": settings.topic_prefix,
            "FUSIONLOG_RAW_PREFIX": settings.raw_prefix,
            "FUSIONLOG_METHOD": settings.method,
            "FUSIONLOG_ENCODER": str(encoder),
            "FUSIONLOG_INGEST__SILENCE_SECONDS": "3600",
            "OMP_NUM_THREADS": "1",
        }


async def prepare(settings: Settings, release: ModelRelease | None = None) -> None:
    """Topics, and a model on its topic."""
    await create_topics(settings)
    if release is not None:
        producer = Producer(settings)
        await producer.start()
        await (await producer.send(settings.topics.models, codecs.key_of(release), release))
        await producer.stop()


async def fill(settings: Settings, stream: Stream, number: int) -> None:
    """Lay lines ready in the raw topic, a session's in one partition, a step of event time apart, up to now."""
    first = time.time() - number * stream.step
    async with _Pipe.open(settings, stream) as pipe:
        for place, line in enumerate(stream.take(number)):
            await pipe.put(line, place, int(1000 * (first + place * stream.step)))


async def pour(settings: Settings, stream: Stream, rate: float, seconds: float) -> list[int]:
    """Write lines at a steady rate, with the time they are written at; how many each partition has got."""
    ticks, place = int(seconds / TICK_SECONDS), 0
    lines, clock = stream.take(int(rate * seconds)), asyncio.get_running_loop().time
    async with _Pipe.open(settings, stream) as pipe:
        started = clock()
        for tick in range(1, ticks + 1):
            for line in islice(lines, int(rate * TICK_SECONDS * tick) - place):
                await pipe.put(line, place, int(1000 * time.time()))
                place += 1
            await pipe.flush()
            await asyncio.sleep(started + tick * TICK_SECONDS - clock())
    return pipe.sent


class _Pipe:
    """Writes lines in ready-made batches: what is measured is not the writing."""

    def __init__(self, producer: AIOKafkaProducer, topic: Topic, stream: Stream) -> None:
        self._producer, self._topic, self._stream = producer, topic, stream
        self._batches = [producer.create_batch() for _ in range(topic.partitions)]
        self._acks: list[Ack] = []
        self.sent = [0] * topic.partitions

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings, stream: Stream) -> AsyncIterator[_Pipe]:
        """For a stream's raw topic; at the end Kafka has all lines."""
        producer = AIOKafkaProducer(**options(settings.kafka), max_batch_size=BATCH_BYTES, compression_type="lz4")
        await producer.start()
        try:
            pipe = cls(producer, settings.topics.raw(stream.name), stream)
            yield pipe
            await pipe.flush()
            await asyncio.gather(*pipe._acks)
        finally:
            await producer.stop()

    async def put(self, line: bytes, place: int, at: int) -> None:
        """A line, which number it is, and its time in milliseconds."""
        partition = self._stream.partition(line, place, self._topic.partitions)
        if self._batches[partition].append(key=None, value=line, timestamp=at) is None:
            await self._send(partition)
            self._batches[partition].append(key=None, value=line, timestamp=at)
        self.sent[partition] += 1

    async def flush(self) -> None:
        """Send what there is."""
        for partition, batch in enumerate(self._batches):
            if batch.record_count():
                await self._send(partition)

    async def _send(self, partition: int) -> None:
        batch, self._batches[partition] = self._batches[partition], self._producer.create_batch()
        self._acks.append(await self._producer.send_batch(batch, self._topic.name, partition=partition))


def model_of(stream: Stream, encode: NamedEncode, onnx: bytes = b"", threshold: float = THRESHOLD) -> ModelRelease:
    """A model that knows most of a stream's events. Ingest never opens its network; a scorer needs one."""
    some = Session("all", [line.decode(errors="replace") for line in stream.lines[:KNOWN_LINES]])
    return release_of(session_windows(stream.name, stream.system, [some], Settings().ingest), encode, onnx, threshold)
