"""What each role really reads and writes on Apache Kafka is what `topics.ROLES` declares, neither more nor less."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from fusionlog.errors import RecordError
from fusionlog.incidents import group
from fusionlog.kafka import codecs
from fusionlog.kafka.producer import Producer
from fusionlog.records import Notification, Route
from fusionlog.topics import Role, Topic
from tests.agents.stage import REPARTITIONED, Stage, Worker, until
from tests.brokers import ApacheKafka
from tests.explanation.factories import explaining_endpoint
from tests.factories import make_anomaly, make_label, make_window
from tests.workers.train.test_ray_api import FakeJobsApi, served

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

RECORDER = """
import os
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

def note(kind, names):
    with open(os.environ["RECORDED_TOPICS"], "a") as file:
        file.writelines(f"{kind} {name}\\n" for name in names)

subscribe, assign = AIOKafkaConsumer.subscribe, AIOKafkaConsumer.assign
send, send_batch = AIOKafkaProducer.send, AIOKafkaProducer.send_batch

def noted_subscribe(self, topics=(), *args, **kwargs):
    note("reads", topics)
    return subscribe(self, topics, *args, **kwargs)

def noted_assign(self, partitions):
    note("reads", {place.topic for place in partitions})
    return assign(self, partitions)

def noted_send(self, topic, *args, **kwargs):
    note("writes", [topic])
    return send(self, topic, *args, **kwargs)

def noted_send_batch(self, batch, topic, *args, **kwargs):
    note("writes", [topic])
    return send_batch(self, batch, topic, *args, **kwargs)

AIOKafkaConsumer.subscribe, AIOKafkaConsumer.assign = noted_subscribe, noted_assign
AIOKafkaProducer.send, AIOKafkaProducer.send_batch = noted_send, noted_send_batch
"""
RAY = """
import asyncio, time
from fusionlog.online.rollback import again_at
from fusionlog.settings import load
from ray_jobs import material, publish

async def main():
    settings = load()
    await material.read_labels(settings, ["shop"])
    await material.read_windows(settings, ["shop"], bytes)
    await publish.publish(settings, again_at(await publish.read_parent(settings, "shop"), time.time()))

asyncio.run(main())
"""


@dataclass
class Recorded:
    """A stage whose processes note the topics that their Kafka clients subscribe to, are assigned and send to."""

    stage: Stage
    directory: Path

    def __post_init__(self) -> None:
        (self.directory / "sitecustomize.py").write_text(RECORDER)
        self.notes = self.directory / "topics.txt"
        path = os.pathsep.join([str(self.directory), os.environ.get("PYTHONPATH", "")])
        self.stage.env |= {"PYTHONPATH": path, "RECORDED_TOPICS": str(self.notes)}

    def topics(self, kind: str) -> set[str]:
        pairs = [line.split() for line in self.notes.read_text().splitlines()] if self.notes.exists() else []
        return {name for noted, name in pairs if noted == kind}

    async def run(self, *command: str) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable, *command, env={**os.environ, **self.stage.env}, stdout=asyncio.subprocess.DEVNULL
        )
        assert await process.wait() == 0

    def check(self, role: Role) -> None:
        topics = self.stage.settings.topics
        assert self.topics("reads") == {topic.name for topic in topics.reads(role)}
        assert self.topics("writes") == {topic.name for topic in topics.writes(role)}


@pytest.fixture
def recorded(stage: Stage, tmp_path: Path) -> Recorded:
    directory = tmp_path / "recorder"
    directory.mkdir()
    return Recorded(stage, directory)


async def counted(worker: Worker, name: str, number: int) -> None:
    """Wait for a counter of a worker."""

    def enough() -> bool:
        return worker.metrics().get(f"fusionlog_{name}", 0) >= number

    await worker.logged("started")
    await until(enough, 60, lambda: worker.log.read_text()[-3000:])


def lines(*texts: str) -> Iterable[tuple[str | None, str | bytes]]:
    """Lines in one partition."""
    return [(None, text) for text in texts]


async def test_ingest(recorded: Recorded) -> None:
    """A session that is still open keeps the position before windows that were emitted: the next worker reads those."""
    stage = recorded.stage
    known, unknown = ["s=known connection opened"] * 50, ["s=unknown user refused"] * 50
    await stage.write([*lines("s=open disk failed", *known, *unknown), (None, b"\x00\x01\x02")])
    for _ in range(2):
        worker = await stage.worker("ingest", FUSIONLOG_INGEST__SILENCE_SECONDS="300")
        await worker.logged("partitions taken over")
        if worker is stage.workers[0]:
            await counted(worker, "lines_windowed", 100)
            await counted(worker, "lines_dead_lettered", 1)
        assert await worker.stop() == 0
    recorded.check("ingest")


async def test_ingest_of_a_repartitioned_system(apache_kafka: ApacheKafka, tmp_path: Path) -> None:
    stage = Stage(tmp_path, apache_kafka.settings, systems=REPARTITIONED)
    await stage.setup()
    directory = tmp_path / "recorder"
    directory.mkdir()
    recorded = Recorded(stage, directory)
    try:
        await stage.write([*lines(*["s=known connection opened"] * 50, *["s=unknown user refused"] * 50), (None, b"")])
        worker = await stage.worker("ingest")
        await counted(worker, "lines_windowed", 100)
        await counted(worker, "lines_dead_lettered", 1)
        assert await worker.stop() == 0
        topics = stage.settings.topics
        assert topics.keyed("shop").name in recorded.topics("reads") & recorded.topics("writes")
        assert recorded.topics("writes") == {topic.name for topic in topics.writes("ingest")}
    finally:
        await stage.close()


async def test_score(recorded: Recorded) -> None:
    stage, topics = recorded.stage, recorded.stage.settings.topics
    judged, odd = (make_window(text, "disk failed", session=text) for text in ("judged", "odd"))
    await stage.publish(topics.labels, make_label(judged, 0.9))
    bad = stage.release("shop", created=time.time(), threshold=0.0)
    await stage.publish(topics.models, bad)
    await stage.publish(topics.general, *(make_window(session=f"s{number}") for number in range(100)))
    worker = await stage.worker("score", FUSIONLOG_SECOND_OPINION__SHARE="0.1")
    await counted(worker, "models_withdrawn", 1)
    await stage.publish_raw(topics.general, b"{broken")
    await stage.publish(topics.general, judged, odd)
    await counted(worker, "windows_second_opinion", 1)
    await counted(worker, "windows_scored", 1)
    assert await worker.stop() == 0
    recorded.check("score")


async def test_label(recorded: Recorded) -> None:
    stage, topics = recorded.stage, recorded.stage.settings.topics
    route = Route(kind="proprietary", similarity=0.1, threshold=0.8)
    windows = [make_window(text, session=text, route=route) for text in ("payment refused: error", "connection opened")]
    await stage.publish_raw(topics.proprietary, b"{broken")
    await stage.publish(topics.proprietary, *windows)
    worker = await stage.worker("label")
    await counted(worker, "windows_labelled", 2)
    assert await worker.stop() == 0
    unknown = make_window("user greeted", "payment failed", session="away", route=route)
    await stage.publish(topics.proprietary, unknown, make_window("connection opened", session="known", route=route))
    away = {"FUSIONLOG_LABEL__URL": "http://127.0.0.1:9/v1", "FUSIONLOG_LABEL__WHEN_AWAY": "offline"}
    worker = await stage.worker("label", **away, FUSIONLOG_LABEL__RETRIES="0")
    await counted(worker, "windows_provisional", 1)
    await counted(worker, "windows_returned", 1)
    assert await worker.stop() == 0
    recorded.check("label")


async def test_explain(recorded: Recorded) -> None:
    stage, topics = recorded.stage, recorded.stage.settings.topics
    with explaining_endpoint() as endpoint:
        await stage.publish_raw(topics.anomalies, b"{broken")
        await stage.publish(topics.anomalies, make_anomaly("disk 1", "disk failed"))
        worker = await stage.worker("explain", FUSIONLOG_LABEL__URL=endpoint.url)
        await counted(worker, "anomalies_explained", 2)  # The unreadable one is counted as well.
        assert await worker.stop() == 0
    recorded.check("explain")


async def test_incidents(recorded: Recorded) -> None:
    stage, topics = recorded.stage, recorded.stage.settings.topics
    await stage.publish_raw(topics.anomalies, b"{broken")
    await stage.publish(topics.anomalies, make_anomaly("disk failed"))
    worker = await stage.worker("incidents")
    await counted(worker, "incidents", 1)
    assert await worker.stop() == 0
    recorded.check("incidents")


async def test_notify(recorded: Recorded) -> None:
    """The incident of a note that is left over is gone: the note is removed."""
    stage, topics = recorded.stage, recorded.stage.settings.topics
    await stage.publish_raw(topics.incidents, b"{broken")
    await stage.publish(topics.notifications, Notification(
        target="nobody", incident="gone", change="opened", status="open", severity="error", systems=["shop"], at=1.0
    ))  # fmt: skip
    worker = await stage.worker("notify")
    wanted = {topics.deadletter.name, topics.notifications.name}
    await until(lambda: wanted <= recorded.topics("writes"), 120, worker.log.read_text)
    assert await worker.stop() == 0
    recorded.check("notify")


async def test_canary(apache_kafka: ApacheKafka, tmp_path: Path) -> None:
    stage = Stage(tmp_path, apache_kafka.settings, extra={"FUSIONLOG_CANARY__SECONDS": "60"})
    await stage.setup()
    directory = tmp_path / "recorder"
    directory.mkdir()
    recorded = Recorded(stage, directory)
    try:
        worker = await stage.worker("canary")
        canary = stage.settings.topics.canary.name
        await until(lambda: canary in recorded.topics("writes"), 60, lambda: worker.log.read_text()[-3000:])
        assert await worker.stop() == 0
        recorded.check("canary")
    finally:
        await stage.close()


async def test_train(recorded: Recorded) -> None:
    stage, topics = recorded.stage, recorded.stage.settings.topics
    async with served(FakeJobsApi({"POST /api/jobs/": (200, "{}")})) as ray:
        await stage.publish_raw(topics.labels, b"{broken")
        await stage.publish(topics.labels, make_label(make_window("disk failed"), 0.9, labelled_at=time.time()))
        settings = {"FUSIONLOG_TRAIN__NEW_LABELS": "1", "FUSIONLOG_DISTILL__MIN_LABELS": "1"}
        worker = await stage.worker("train", FUSIONLOG_RAY_ADDRESS=ray.address, **settings)
        await worker.logged("a training was submitted to Ray")
        assert await worker.stop() == 0
    recorded.check("train")


async def test_ray(recorded: Recorded) -> None:
    await recorded.run("-c", RAY)
    recorded.check("ray")


async def bury(stage: Stage, *topics: Topic) -> None:
    """Write a dead letter of a record of each topic."""
    producer = Producer(stage.settings)
    await producer.start()
    error = RecordError("wrong-shape", "of this test")
    for topic in topics:
        headers = codecs.dead_letter_headers(error, "test", topic.name, 0, 0, 1.0, replayable=True)
        await (await producer.send_raw(stage.settings.topics.deadletter, b"k", b"{}", headers))
    await producer.stop()


async def test_cli(recorded: Recorded) -> None:
    stage = recorded.stage
    await stage.publish(stage.settings.topics.labels, make_label(make_window("disk failed"), 0.1))
    await stage.publish(stage.settings.topics.proprietary, make_window("disk failed"))
    anomaly = make_anomaly("disk failed")
    await stage.publish(stage.settings.topics.anomalies, anomaly)
    (incident,) = group([anomaly])
    await stage.publish(stage.settings.topics.incidents, incident)
    await stage.write(lines(*["s=known disk failed"] * 10))
    await asyncio.gather(
        recorded.run("-m", "fusionlog", "feedback"),
        recorded.run("-m", "fusionlog", "feedback", anomaly.id, "dismiss"),
        recorded.run("-m", "fusionlog", "labels", "revoke", "disk failed"),
        recorded.run("-m", "fusionlog", "models", "list"),
        recorded.run("-m", "fusionlog", "models", "rollback", recorded.stage.release().version),
        recorded.run("-m", "fusionlog", "explanations"),
        recorded.run("-m", "fusionlog", "tail"),
        recorded.run("-m", "fusionlog", "incidents", "list"),
        recorded.run("-m", "fusionlog", "incidents", "show", incident.id),
        recorded.run("-m", "fusionlog", "teacher", "spend"),
        recorded.run("-m", "fusionlog", "train", "pause"),
        recorded.run("-m", "fusionlog", "systems", "check", "--topic", "--system", "shop"),
        recorded.run("-m", "fusionlog", "teacher", "show", "--topic", "--system", "shop"),
    )
    topics = recorded.stage.settings.topics
    await bury(recorded.stage, *(topic for topic in topics.writes("cli") if topic != topics.deadletter))
    await recorded.run("-m", "fusionlog", "deadletter", "replay", "--stage", "test")
    recorded.check("cli")
