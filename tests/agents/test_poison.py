"""One record that cannot be used stops no worker, on whichever topic it is: it is a dead letter, and the next one is
handled. A record of a compacted topic stops no later start either."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from fusionlog.kafka import codecs
from fusionlog.records import Record, Route, Window
from fusionlog.topics import Topic
from tests.agents.stage import Stage, until
from tests.factories import make_anomaly, make_label, make_window
from tests.workers.dead_letters import read_headers

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

DEPTH = 100_000
ROUTE = Route(kind="general", similarity=1.0, threshold=0.8)
GOOD = make_window("connection opened", "disk failed", session="good", first_offset=900, route=ROUTE)


def deep(record: Record) -> bytes:
    """A record with an unknown field that is nested deeper than a decoder goes."""
    return codecs.encode(record)[:-1] + b',"unknown":' + b"[" * DEPTH + b"]" * DEPTH + b"}"


def altered(record: Record, **fields: Any) -> bytes:
    return msgspec.json.encode({**msgspec.to_builtins(record), **fields})


def counted(window: Window, count: int) -> list[dict[str, Any]]:
    return [{**msgspec.to_builtins(event), "count": count} for event in window.events]


async def letters(stage: Stage) -> list[tuple[str, str]]:
    """Topic and reason of each dead letter."""
    found = [read_headers(record.headers) for record in await stage.records(stage.settings.topics.deadletter)]
    return sorted({(each["topic"], each["reason"]) for each in found})


async def test_poisoned_tables_and_windows_stop_no_score_worker(stage: Stage) -> None:
    topics = stage.settings.topics
    label = make_label(make_window("connection closed"), 0.1)
    for value in (deep(label), altered(label, events=counted(GOOD, -1))):
        await stage.publish_raw(topics.labels, value)
    await stage.publish_raw(topics.models, deep(stage.release(version="deep")))
    worker = await stage.worker("score")
    await worker.logged("started")
    await stage.publish_raw(topics.labels, deep(label))  # and while it follows
    poison = [deep(GOOD), *(altered(GOOD, sequence=each) for each in ([9], [-7], [2**70])),
              altered(GOOD, events=[], sequence=[0]), altered(GOOD, events=counted(GOOD, -5)),
              altered(GOOD, started=1e300)]  # fmt: skip
    for value in poison:
        await stage.publish_raw(topics.general, value)
    taught = make_window("connection closed", session="taught", first_offset=950, route=ROUTE)
    await stage.publish(topics.labels, make_label(taught, 0.9, events=[]))
    await stage.publish(topics.general, GOOD, taught)
    await until(lambda: worker.metrics().get("fusionlog_windows_scored", 0) >= 2, 30, worker.log.read_text)
    assert len(await stage.records(topics.anomalies)) == 2, "a label after a poisoned one was missed"
    assert worker.metrics()["fusionlog_windows_dead_lettered"] == len(poison)
    assert worker.metrics()["fusionlog_table_records_refused"] == 4
    assert {topic for topic, _ in await letters(stage)} == {topics.labels.name, topics.models.name, topics.general.name}
    assert await worker.stop() == 0


@pytest.mark.parametrize("role", ["ingest", "label"])
async def test_poisoned_tables_stop_no_start(stage: Stage, role: str) -> None:
    topics = stage.settings.topics
    label = make_label(make_window("connection closed"), 0.1)
    poisoned: dict[Topic, bytes] = {
        topics.labels: deep(label), topics.models: deep(stage.release(version="deep")), topics.templates: b"[" * DEPTH
    }  # fmt: skip
    for topic, value in poisoned.items():
        await stage.publish_raw(topic, value)
    worker = await stage.worker(role)
    await worker.logged("started")
    expected = {topics.labels.name, topics.models.name, *([topics.templates.name] if role == "ingest" else [])}

    async def written() -> bool:
        return {topic for topic, _ in await letters(stage)} == expected

    await until(written, 20, worker.log.read_text)
    assert await worker.stop() == 0


async def test_poisoned_anomalies_and_explanations_stop_no_explain_worker(stage: Stage) -> None:
    topics = stage.settings.topics
    await stage.publish_raw(topics.explanations, b'{"v":' * DEPTH)
    await stage.publish_raw(topics.anomalies, deep(make_anomaly("disk failed")))
    worker = await stage.worker("explain", FUSIONLOG_LABEL__URL="http://127.0.0.1:9/v1")
    await worker.logged("started")

    async def written() -> bool:
        return len(await letters(stage)) == 2

    await until(written, 20, worker.log.read_text)
    assert await worker.stop() == 0
