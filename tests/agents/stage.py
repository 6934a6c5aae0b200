"""A stage for workers: topics of a test's own, a system of a five-word vocabulary, a tiny model, worker processes."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import urllib.request
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition

from fusionlog import releases
from fusionlog.embedding.encoder import Encoder, plain
from fusionlog.kafka import codecs
from fusionlog.kafka.admin import create_topics
from fusionlog.kafka.client import options
from fusionlog.kafka.producer import Producer
from fusionlog.records import ModelRelease, Record, Window
from fusionlog.settings import KafkaSettings, Settings, load
from fusionlog.topics import Topic
from tests.brokers import free_ports
from tests.detector.graphs import make_onnx
from tests.encoders import WORDS, make_encoder
from tests.factories import make_release

SYSTEMS = r"""
shop:
  description: a shop
  session: "s=(\\w+)"
  window: {by: session, idle_seconds: 30, max_events: 50}
"""

REPARTITIONED = SYSTEMS + "  repartition: true\n"

NOBODY = "nobody: {type: webhook, url: 'http://127.0.0.1:9'}"
"""A target that is away."""

KNOWN = (("connection opened", 0.0), ("connection closed", 0.0), ("disk failed", 1.0))
START_SECONDS = 30.0


@dataclass(frozen=True)
class Sent:
    """A line that Kafka has."""

    session: str | None
    partition: int
    offset: int


class Worker:
    """A worker process, the way an operator starts one."""

    def __init__(self, role: str, env: dict[str, str], directory: Path) -> None:
        self.role, (self.metrics_port,) = role, free_ports(1)
        self.log = directory / f"{role}-{uuid.uuid4().hex[:6]}.log"
        self._env = {**os.environ, **env, "FUSIONLOG_METRICS_PORT": str(self.metrics_port)}
        self._process: asyncio.subprocess.Process | None = None
        self.token: str | None = None
        """What a request for its metrics must bear."""

    async def start(self) -> Worker:
        with self.log.open("wb") as output:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "fusionlog", "worker", self.role, stdout=output, stderr=output, env=self._env
            )
        return self

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def kill(self) -> None:
        """SIGKILL: no goodbye."""
        os.kill(self.pid, signal.SIGKILL)
        await self.ended()

    async def stop(self) -> int:
        """SIGTERM; the exit code."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
        return await self.ended()

    async def ended(self, seconds: float = 30.0) -> int:
        assert self._process is not None
        return await asyncio.wait_for(self._process.wait(), seconds)

    async def logged(self, text: str) -> None:
        """Wait until its log has a text."""
        await until(lambda: text in self.log.read_text(), START_SECONDS, lambda: self.log.read_text()[-3000:])

    def metrics(self, input: str = "") -> dict[str, float]:
        """Its counters by name, summed over their labels; with `input`, those of one input alone."""
        found: dict[str, float] = {}
        sample = r"^(fusionlog_\w+?)(?:_total)?(?:\{([^}]*)\})? ([\d.e+-]+)$"
        for name, labels, value in re.findall(sample, self._served(), re.M):
            if not input or f'input="{input}"' in labels:
                found[name] = found.get(name, 0.0) + float(value)
        return found

    def lag(self, topic: str) -> float:
        """What it says of the records of a topic that wait, over its partitions."""
        samples = re.findall(
            rf'^fusionlog_lag_records\{{[^}}]*topic="{re.escape(topic)}"\}} (\S+)$', self._served(), re.M
        )
        return sum(map(float, samples))

    def refused(self) -> dict[tuple[str, str], float]:
        """How many records of tables it left out, by topic and reason."""
        sample = r'^fusionlog_table_records_refused_total\{reason="([^"]*)",topic="([^"]*)"\} (\S+)$'
        return {(topic, reason): float(value) for reason, topic, value in re.findall(sample, self._served(), re.M)}

    def _served(self) -> str:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        request = urllib.request.Request(f"http://127.0.0.1:{self.metrics_port}/metrics", headers=headers)
        with urllib.request.urlopen(request, timeout=5) as answer:
            text: str = answer.read().decode()
            return text


@dataclass
class Stage:
    """Settings, and what tests do with workers and topics."""

    directory: Path
    kafka: KafkaSettings
    systems: str = SYSTEMS
    extra: dict[str, str] = field(default_factory=dict)
    workers: list[Worker] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "systems.yaml").write_text(self.systems)
        (self.directory / "notifications.yaml").write_text(NOBODY)
        prefix = f"t{uuid.uuid4().hex[:10]}."
        self.env = {
            "FUSIONLOG_KAFKA__BOOTSTRAP_SERVERS": self.kafka.bootstrap_servers,
            "FUSIONLOG_KAFKA__SESSION_TIMEOUT": "3",
            "FUSIONLOG_KAFKA__REBALANCE_TIMEOUT": "3",
            "FUSIONLOG_KAFKA__PARTITIONS": "2",
            "FUSIONLOG_TOPIC_PREFIX": prefix,
            "FUSIONLOG_RAW_PREFIX": f"{prefix}raw.",
            "FUSIONLOG_SYSTEMS_FILE": str(self.directory / "systems.yaml"),
            "FUSIONLOG_NOTIFICATIONS_FILE": str(self.directory / "notifications.yaml"),
            "FUSIONLOG_ENCODER": str(make_encoder(self.directory / "encoder")),
            "FUSIONLOG_SECOND_OPINION__SHARE": "0",
            "FUSIONLOG_INGEST__SILENCE_SECONDS": "2",
            "FUSIONLOG_INGEST__COMMIT_SECONDS": "0.3",
            "FUSIONLOG_LOG_FORMAT": "json",
            "OMP_NUM_THREADS": "1",
            **self.extra,
        }
        with self.environment():
            self.settings: Settings = load()

    @contextmanager
    def environment(self) -> Iterator[None]:
        with mock.patch.dict(os.environ, self.env):
            yield

    async def setup(self, *, model: bool = True) -> None:
        """Topics, and a base model."""
        await create_topics(self.settings)
        if model:
            await self.publish(self.settings.topics.models, self.release())

    def release(self, system: str = releases.BASE, **fields: Any) -> ModelRelease:
        """A signed release: "failed" makes an event anomalous by the square root of its share of the known words."""
        encoder = Encoder(self.directory / "encoder")
        vectors = releases.pack_vectors(encoder([plain(text) for text, _ in KNOWN]))
        onnx = make_onnx(component=WORDS.index("failed"))
        made = make_release(*KNOWN, system=system, vectors=vectors, encoder=encoder.name, onnx=onnx, **fields)
        return releases.sign(made, self.settings.signatures)

    async def publish(self, topic: Topic, *items: Record) -> None:
        producer = Producer(self.settings)
        await producer.start()
        await asyncio.gather(*[await producer.send(topic, codecs.key_on(topic, item), item) for item in items])
        await producer.stop()

    async def publish_raw(self, topic: Topic, value: bytes) -> None:
        producer = Producer(self.settings)
        await producer.start()
        await (await producer.send_raw(topic, b"k", value))
        await producer.stop()

    async def faust(self, module: str) -> asyncio.subprocess.Process:
        """A worker started by Faust's own command."""
        command = [sys.executable, "-m", "faust", "-A", module, "worker", "-l", "warn"]
        with (self.directory / "faust.log").open("wb") as log:
            return await asyncio.create_subprocess_exec(
                *command, env={**os.environ, **self.env}, stdout=log, stderr=log
            )

    async def write(self, lines: Iterable[tuple[str | None, str | bytes]], pause: float = 0.0) -> list[Sent]:
        """Lines of sessions, each session's in one partition; `pause` seconds after every hundred."""
        producer = AIOKafkaProducer(**options(self.settings.kafka), linger_ms=5)
        await producer.start()
        topic = self.settings.topics.raw("shop").name
        acks = []
        for number, (session, line) in enumerate(lines):
            value = line if isinstance(line, bytes) else line.encode()
            acks.append((session, await producer.send(topic, value, (session or "none").encode())))
            if pause and number % 100 == 99:
                await asyncio.sleep(pause)
        done = [(session, await ack) for session, ack in acks]
        await producer.stop()
        return [Sent(session, ack.partition, ack.offset) for session, ack in done]

    async def scatter(self, lines: Iterable[tuple[str, str]], start: int, pause: float = 0.0) -> list[Sent]:
        """Lines of sessions without a key, over all partitions in turn, a millisecond apart.

        :param start: the Kafka timestamp of the first one.
        """
        producer = AIOKafkaProducer(**options(self.settings.kafka), linger_ms=5)
        await producer.start()
        topic, partitions = self.settings.topics.raw("shop").name, self.settings.kafka.partitions
        acks = []
        for number, (session, line) in enumerate(lines):
            place = {"partition": number % partitions, "timestamp_ms": start + number}
            acks.append((session, await producer.send(topic, line.encode(), **place)))
            if pause and number % 100 == 99:
                await asyncio.sleep(pause)
        done = [(session, await ack) for session, ack in acks]
        await producer.stop()
        return [Sent(session, ack.partition, ack.offset) for session, ack in done]

    async def worker(self, role: str, **env: str) -> Worker:
        worker = await Worker(role, {**self.env, **env}, self.directory).start()
        self.workers.append(worker)
        return worker

    async def close(self) -> None:
        for worker in self.workers:
            await worker.stop()

    async def records(self, topic: Topic) -> list[ConsumerRecord]:
        """Every record of a topic, repeats and all."""
        consumer = AIOKafkaConsumer(**options(self.settings.kafka), auto_offset_reset="earliest")
        await consumer.start()
        try:
            places = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
            consumer.assign(places)
            ends, found = await consumer.end_offsets(places), []
            await consumer.seek_to_beginning()
            while any([await consumer.position(place) < ends[place] for place in places]):
                for batch in (await consumer.getmany(timeout_ms=200)).values():
                    found.extend(batch)
            return found
        finally:
            await consumer.stop()

    async def windows(self) -> list[Window]:
        """Every window, repeats and all."""
        topics = (self.settings.topics.general, self.settings.topics.proprietary)
        found = [record for topic in topics for record in await self.records(topic)]
        return [msgspec.json.decode(record.value, type=Window) for record in found]


async def until(check: Callable[[], Any], seconds: float, said: Callable[[], object] = lambda: "") -> None:
    """Wait for a condition, which may be a coroutine's.

    :raises AssertionError: it did not come true in time.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        found = check()
        if await found if asyncio.iscoroutine(found) else found:
            return
        assert asyncio.get_running_loop().time() < deadline, f"not in {seconds} s: {said()}"
        await asyncio.sleep(0.1)


def coverage_by_spans(windows: Iterable[Window], sent: Iterable[Sent]) -> dict[int, int]:
    """How many lines of a repartitioned system are in no window (0), in one (1), in more: windows once by id."""
    spans: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for window in {window.id: window for window in windows}.values():
        for span in window.spans:
            spans.setdefault((window.session, span.partition), []).append((span.first_offset, span.last_offset))
    found: dict[int, int] = {}
    for line in sent:
        near = spans.get((line.session or "", line.partition), [])
        times = sum(first <= line.offset <= last for first, last in near)
        found[times] = found.get(times, 0) + 1
    return found


def coverage(windows: Iterable[Window], sent: Iterable[Sent]) -> dict[int, int]:
    """How many lines are in no window (0), in one (1), in more: windows counted once by id."""
    by_session: dict[tuple[str, int], list[Window]] = {}
    for window in {window.id: window for window in windows}.values():
        by_session.setdefault((window.session, window.partition), []).append(window)
    found: dict[int, int] = {}
    for line in sent:
        near = by_session.get((line.session or "", line.partition), [])
        times = sum(window.first_offset <= line.offset <= window.last_offset for window in near)
        found[times] = found.get(times, 0) + 1
    return found
