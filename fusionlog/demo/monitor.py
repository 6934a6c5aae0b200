"""The monitor of a demo: the workers' metrics over HTTP, anomalies and releases from their topics."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Sequence
from typing import Self
from urllib.error import URLError
from urllib.request import Request, urlopen

from aiokafka import AIOKafkaConsumer, TopicPartition
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from fusionlog.demo.progress import Progress, count
from fusionlog.kafka.client import kafka_errors, options, partition_counts
from fusionlog.kafka.codecs import decode
from fusionlog.records import Anomaly, ModelRelease, Training
from fusionlog.settings import Settings
from fusionlog.topics import Topic

SCRAPE_SECONDS = 0.4
HTTP_TIMEOUT = 2.0


class Monitor:
    """Updates the progress of a demo from metrics and topics, from its start to its stop."""

    def __init__(self, settings: Settings, progress: Progress, metrics_ports: Sequence[int]) -> None:
        self._settings, self._progress, self._ports = settings, progress, list(metrics_ports)
        self._tasks: list[asyncio.Task[None]] = []
        self._consumer: AIOKafkaConsumer | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Follow the topics from their current ends; earlier records are not this demo's."""
        self._consumer = AIOKafkaConsumer(**options(self._settings.kafka), enable_auto_commit=False)
        try:
            async with kafka_errors(self._settings.kafka, "following the anomalies"):
                await self._consumer.start()
                topics = self._settings.topics
                await self._seek_to_end(topics.anomalies, topics.models, topics.training)
        except BaseException:
            await self._consumer.stop()
            raise
        self._tasks = [asyncio.create_task(self._follow()), asyncio.create_task(self._scrape())]

    async def stop(self) -> None:
        """Stop following the topics and the metrics."""
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        if self._consumer is not None:
            await self._consumer.stop()

    async def refresh(self) -> None:
        """Read the metrics of all workers now."""
        scrapes = await asyncio.gather(
            *(asyncio.to_thread(_scrape, port, self._settings.metrics.token) for port in self._ports)
        )
        self._progress.counts = count(scrapes)

    def check(self) -> None:
        """Raise the error that ended a follower, if one did."""
        for task in self._tasks:
            if task.done():
                task.result()

    async def _seek_to_end(self, *topics: Topic) -> None:
        assert self._consumer is not None
        counts = await partition_counts(self._settings.kafka)
        partitions = [TopicPartition(topic.name, number) for topic in topics for number in range(counts[topic.name])]
        self._consumer.assign(partitions)
        for partition, end in (await self._consumer.end_offsets(partitions)).items():
            self._consumer.seek(partition, end)

    async def _follow(self) -> None:
        assert self._consumer is not None
        while True:
            for batch in (await self._consumer.getmany(timeout_ms=500)).values():
                for record in batch:
                    self._take(record.topic, record.value)

    def _take(self, topic: str, value: bytes | None) -> None:
        if topic == self._settings.topics.models.name:
            if value is not None:
                release = decode(value, ModelRelease)
                self._progress.releases[release.version] = release
        elif topic == self._settings.topics.training.name:
            training = decode(value, Training) if value is not None else None
            if training is not None and training.system == self._progress.target and training.state is not None:
                self._progress.training = training.state
        else:
            anomaly = decode(value, Anomaly)
            if anomaly.system == self._progress.target:
                self._progress.anomalies.setdefault(anomaly.id, anomaly)

    async def _scrape(self) -> None:
        while True:
            await self.refresh()
            await asyncio.sleep(SCRAPE_SECONDS)


def _scrape(port: int, token: SecretStr | None) -> Iterable[Metric]:
    """A worker's metrics; none while it is not up."""
    bearer = {"Authorization": f"Bearer {token.get_secret_value()}"} if token else {}
    try:
        request = Request(f"http://127.0.0.1:{port}/metrics", headers=bearer)
        with urlopen(request, timeout=HTTP_TIMEOUT) as response:
            return list(text_string_to_metric_families(response.read().decode()))
    except (URLError, OSError):
        return []
