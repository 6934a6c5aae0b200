"""Workers that are killed or frozen as they take partitions over, on Apache Kafka: every line is in one window."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import NewPartitions
from aiokafka.admin.records_to_delete import RecordsToDelete

from fusionlog.kafka.client import admin_client, partition_counts
from fusionlog.kafka.takeover import committed_offsets
from tests.agents.stage import Sent, Stage, Worker, coverage, until
from tests.agents.test_ingest import conserved, sessions
from tests.brokers import ApacheKafka

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

LINES = 4000
AIMED_SEEDS = range(20)
MANY, FEW = 800, 40
"""Sessions: of many, most are open until they fall silent; few are long, and closed while lines are read."""


async def covered(stage: Stage, sent: list[Sent], worker: Worker) -> None:
    """Wait until every line is in a window."""

    async def all_are() -> bool:
        return 0 not in coverage(await stage.windows(), sent)

    await until(all_are, 60, lambda: worker.log.read_text()[-2000:])


async def committed(stage: Stage) -> dict[int, int]:
    raw = stage.settings.topics.raw("shop").name
    places = [TopicPartition(raw, number) for number in range(stage.settings.kafka.partitions)]
    found = await committed_offsets(stage.settings.kafka, f"{stage.settings.topic_prefix}ingest", places)
    return {place.partition: mark.offset for place, mark in found.items()}


async def killed_after_its_first_assignment(stage: Stage, seconds: float, count: int) -> dict[int, int]:
    """The coverage of lines that waited, when a worker is killed so long after its first assignment."""
    sent = await stage.write(sessions(count, LINES))
    worker = await stage.worker("ingest")
    await worker.logged("partitions taken over")
    await asyncio.sleep(seconds)  # when it is killed: what is varied
    await worker.kill()
    at_the_kill, windows = await committed(stage), len(await stage.windows())
    worker = await stage.worker("ingest")
    await covered(stage, sent, worker)
    found = coverage(await stage.windows(), sent)
    print(f"| {count} | {seconds:.3f} | {at_the_kill} | {windows} | {found.get(0, 0)} | {LINES - found.get(1, 0)} |")
    assert await stage.records(stage.settings.topics.deadletter) == [], "a kill from outside is no record's fault"
    return found


@pytest.mark.parametrize(("seconds", "count"), [(0.0, MANY), pytest.param(0.4, FEW, marks=pytest.mark.long)])
async def test_killed_after_its_first_assignment_it_loses_nothing(stage: Stage, seconds: float, count: int) -> None:
    assert await killed_after_its_first_assignment(stage, seconds, count) == {1: LINES}


@pytest.mark.long
@pytest.mark.parametrize("seed", AIMED_SEEDS)
async def test_killed_in_the_first_second_it_loses_nothing(stage: Stage, seed: int) -> None:
    """`pytest -m long -rP tests/agents/test_takeover.py` prints the table of docs/results/kills.md."""
    count = FEW if seed % 2 else MANY
    assert await killed_after_its_first_assignment(stage, random.Random(seed).random(), count) == {1: LINES}


@pytest.mark.long
async def test_killed_as_partitions_are_added_it_loses_nothing(stage: Stage) -> None:
    raw = stage.settings.topics.raw("shop").name
    sent = await stage.write(sessions(100, 500))
    worker = await stage.worker("ingest")
    await covered(stage, sent, worker)
    await worker.stop()
    async with admin_client(stage.settings.kafka) as admin:
        await admin.create_partitions({raw: NewPartitions(4)})

    async def added() -> bool:
        return (await partition_counts(stage.settings.kafka))[raw] == 4

    await until(added, 20)
    sent += await stage.write(sessions(800, LINES, seed=2))
    assert {line.partition for line in sent} == {0, 1, 2, 3}
    worker = await stage.worker("ingest")
    await worker.logged("partitions taken over")
    await worker.kill()
    worker = await stage.worker("ingest")
    await covered(stage, sent, worker)
    assert coverage(await stage.windows(), sent) == {1: LINES + 500}


async def test_frozen_for_longer_than_its_session_it_writes_nothing_of_what_is_anothers(stage: Stage) -> None:
    begun = [(f"k{number}", f"s=k{number} connection opened") for number in range(40)]
    ended = [(session, f"s={session} connection closed") for session, _ in begun]
    frozen = await stage.worker("ingest")
    await frozen.logged("partitions taken over")
    sent = await stage.write(begun)
    await until(lambda: frozen.metrics().get("fusionlog_lines") == 40, 20, frozen.metrics)
    other = await stage.worker("ingest", FUSIONLOG_INGEST__SILENCE_SECONDS="8")
    os.kill(frozen.pid, signal.SIGSTOP)
    await other.logged("partitions taken over")
    sent += await stage.write(ended)
    await asyncio.sleep(3)  # the frozen one has been silent for longer than its own limit: it would close them all
    os.kill(frozen.pid, signal.SIGCONT)
    await covered(stage, sent, other)
    assert coverage(await stage.windows(), sent) == {1: 80}
    assert len({window.id for window in await stage.windows()}) == 40
    assert await frozen.stop() == 0


async def test_lines_that_retention_deleted_are_counted_and_said(apache_kafka: ApacheKafka, tmp_path: Path) -> None:
    stage = Stage(tmp_path / "stage", apache_kafka.settings, extra={"FUSIONLOG_KAFKA__PARTITIONS": "1"})
    await stage.setup()
    raw = TopicPartition(stage.settings.topics.raw("shop").name, 0)
    try:
        sent = await stage.write(sessions(20, 1000))
        worker = await stage.worker("ingest")
        await covered(stage, sent, worker)
        await until(lambda: worker.metrics().get("fusionlog_lines_open") == 0, 20, worker.metrics)
        assert await worker.stop() == 0
        more = await stage.write(sessions(20, 1000, seed=2))
        async with admin_client(stage.settings.kafka) as admin:
            await admin.delete_records({raw: RecordsToDelete(before_offset=1800)})
        worker = await stage.worker("ingest")
        await covered(stage, more[800:], worker)
        await until(lambda: worker.metrics().get("fusionlog_lines_windowed") == 200, 20, worker.metrics)
        found = worker.metrics()
        assert (found["fusionlog_lines"], found["fusionlog_lines_deleted"]) == (1000, 800) and conserved(worker)
        said = [line for line in worker.log.read_text().splitlines() if "deleted by retention" in line]
        assert len(said) == 1 and f'"topic": "{raw.topic}", "partition": 0, "records": 800' in said[0]
    finally:
        await stage.close()
