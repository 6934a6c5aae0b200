"""A systems file that changes under running workers, on Apache Kafka."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import NewTopic

from fusionlog.kafka.admin import create_topics
from fusionlog.kafka.client import admin_client, options
from fusionlog.records import Window
from fusionlog.settings import load
from tests.agents.stage import SYSTEMS, Stage, coverage, until

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

MILL = SYSTEMS + SYSTEMS.replace("shop", "mill")


def rewrite(stage: Stage, text: str) -> None:
    """Put another systems file in the place of the stage's, as an editor or a ConfigMap does."""
    path = Path(stage.env["FUSIONLOG_SYSTEMS_FILE"])
    other = path.with_suffix(".new")
    other.write_text(text)
    os.replace(other, path)


async def write(stage: Stage, topic: str, lines: list[str]) -> None:
    async with AIOKafkaProducer(**options(stage.settings.kafka)) as producer:
        for line in lines:
            await producer.send_and_wait(topic, line.encode(), b"k")


async def windows_of(stage: Stage, system: str) -> list[Window]:
    return [window for window in await stage.windows() if window.system == system]


async def test_a_new_system_is_read_and_scored_without_a_restart_and_the_old_one_loses_nothing(stage: Stage) -> None:
    """The score worker reads its file again when the first window of the new system comes, whoever reads it first."""
    ingest, score = await stage.worker("ingest"), await stage.worker("score")
    await ingest.logged("partitions taken over")
    await score.logged("partitions taken over")
    sent = await stage.write([(f"k{number % 7}", f"s=k{number % 7} disk full") for number in range(70)])
    rewrite(stage, MILL)
    await ingest.logged("the worker goes on with the systems as they were")
    assert "mill" in ingest.log.read_text() and "fusionlog topics create" in ingest.log.read_text()
    with stage.environment():
        grown = load()
    assert grown.topics.raw("mill").name in await create_topics(grown)
    await ingest.logged("the systems of the file are read from now on")
    sent += await stage.write([(f"k{number % 7}", f"s=k{number % 7} disk full") for number in range(70)])
    await write(stage, grown.topics.raw("mill").name, ["s=m1 connection opened", "s=m1 disk failed"])

    async def all_there() -> bool:
        found = [record for record in await stage.records(grown.topics.anomalies) if b'"mill"' in record.value]
        return bool(found) and 0 not in coverage(await windows_of(stage, "shop"), sent)

    await until(all_there, 60, lambda: ingest.log.read_text()[-3000:] + score.log.read_text()[-3000:])
    assert coverage(await windows_of(stage, "shop"), sent) == {1: 140}
    assert [len(window.sequence) for window in await windows_of(stage, "mill")] == [2]
    assert await stage.records(grown.topics.deadletter) == []
    assert await ingest.stop() == 0 and await score.stop() == 0


async def test_another_session_key_counts_from_the_lines_that_are_in_no_window_yet(stage: Stage) -> None:
    ingest = await stage.worker("ingest")
    await ingest.logged("partitions taken over")
    rewrite(stage, SYSTEMS.replace("s=", "t="))
    await ingest.logged("the systems of the file are read from now on")
    await stage.write([("k", "t=k1 disk full"), ("k", "t=k1 disk failed")])

    async def cut() -> bool:
        return [window.session for window in await stage.windows()] == ["k1"]

    await until(cut, 40, lambda: ingest.log.read_text()[-3000:])


async def test_a_file_that_cannot_be_used_changes_nothing(stage: Stage) -> None:
    ingest = await stage.worker("ingest")
    await ingest.logged("partitions taken over")
    rewrite(stage, "shop: {sesion: x}\n")
    await ingest.logged("the systems file cannot be used")
    assert "did you mean session?" in ingest.log.read_text()
    sent = await stage.write([("k1", "s=k1 disk full")])

    async def covered() -> bool:
        return coverage(await stage.windows(), sent) == {1: 1}

    await until(covered, 40, lambda: ingest.log.read_text()[-3000:])
    assert await ingest.stop() == 0


async def test_a_raw_topic_of_no_system_is_in_the_log_of_an_ingest_worker(stage: Stage) -> None:
    stray = stage.settings.topics.raw("shp").name
    async with admin_client(stage.settings.kafka) as admin:
        await admin.create_topics([NewTopic(stray, 1, 1)])
    ingest = await stage.worker("ingest")
    await ingest.logged(f"topic {stray} belongs to no system")
    assert "did you mean shop?" in ingest.log.read_text()
    assert await ingest.stop() == 0
