"""A rollback on Apache Kafka: the workers of this version go on with all that those of a later one wrote."""

from __future__ import annotations

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from fusionlog.kafka.client import options
from fusionlog.records import Anomaly, Window
from fusionlog.topics import Topic
from tests.agents.stage import Stage, Worker, until
from tests.records.test_recorded import later

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(900)]
ROLES = ("ingest", "score", "label")
SECONDS = 240
LINES = ("s={} connection opened", "s={} disk failed")


async def start(stage: Stage) -> dict[str, Worker]:
    """A worker of each role, ready."""
    workers = {role: await stage.worker(role) for role in ROLES}
    for worker in workers.values():
        await until(lambda worker=worker: "started" in worker.log.read_text(), SECONDS, worker.log.read_text)
    return workers


async def found(stage: Stage) -> dict[str, Anomaly]:
    """The anomalies by their sessions."""
    records = await stage.records(stage.settings.topics.anomalies)
    anomalies = [msgspec.json.decode(each.value, type=Anomaly) for each in records]
    return {each.session: each for each in anomalies}


async def rewrite(stage: Stage, topic: Topic) -> int:
    """Write each record of a topic as a later version might: with fields more. Their number."""
    assert topic.record is not None
    producer = AIOKafkaProducer(**options(stage.settings.kafka))
    await producer.start()
    records = await stage.records(topic)
    for each in records:
        if each.value:
            await producer.send_and_wait(topic.name, later(topic.record, each.value), each.key, each.partition)
    await producer.stop()
    return len(records)


async def test_workers_go_on_with_what_a_later_version_wrote(stage: Stage) -> None:
    topics = stage.settings.topics
    await start(stage)
    await stage.write((f"{n}", line.format(n)) for n in range(20) for line in LINES)
    # An event that the bank does not have: the label worker labels it, so that there is a label to read back.
    await stage.write([("x", "s=x payment refused: error"), ("x", "s=x disk failed")])
    await until(lambda: _has(stage, *map(str, range(20)), "x"), SECONDS)
    for worker in stage.workers:
        assert await worker.stop() == 0

    rewritten = {topic.name: await rewrite(stage, topic) for topic in topics.own() if topic.record}
    written = (topics.general, topics.proprietary, topics.labels, topics.models, topics.templates, topics.anomalies)
    assert all(rewritten[topic.name] for topic in written)
    before = len(await stage.records(topics.deadletter))

    workers = await start(stage)
    await stage.write((f"new{n}", line.format(f"new{n}")) for n in range(20) for line in LINES)
    await until(lambda: _has(stage, *(f"new{n}" for n in range(20))), SECONDS)
    assert len(await stage.records(topics.deadletter)) == before == 0
    for role, worker in workers.items():
        counted = worker.metrics()
        assert counted.get("fusionlog_table_records_refused", 0) == counted.get("fusionlog_models_refused", 0) == 0, (
            role
        )
    old = [msgspec.json.decode(each.value, type=Window) for each in await stage.records(topics.general)]
    assert {each.v for each in old} == {2, 3}
    assert (await found(stage))["new3"].verdict_source == (await found(stage))["3"].verdict_source


async def _has(stage: Stage, *sessions: str) -> bool:
    return set(sessions) <= set(await found(stage))
