"""A system whose shipper keys nothing, on Apache Kafka: whole sessions, and each line in one window whoever dies."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.agents.stage import REPARTITIONED, Sent, Stage, Worker, coverage_by_spans, until
from tests.agents.test_ingest import conserved, sessions
from tests.brokers import ApacheKafka

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


@pytest.fixture
async def stage(apache_kafka: ApacheKafka, tmp_path: Path) -> AsyncIterator[Stage]:
    """A stage with four partitions, and a system that is repartitioned."""
    extra = {"FUSIONLOG_KAFKA__PARTITIONS": "4"}
    stage = Stage(tmp_path, apache_kafka.settings, systems=REPARTITIONED, extra=extra)
    await stage.setup()
    yield stage
    await stage.close()


def now_ms() -> int:
    return int(1000 * time.time())


async def covered(stage: Stage, sent: list[Sent], worker: Worker) -> None:
    """Wait until every line is in a window."""

    async def all_are() -> bool:
        return 0 not in coverage_by_spans(await stage.windows(), sent)

    await until(all_are, 60, lambda: (worker.metrics(), worker.log.read_text()[-3000:]))


async def lines_in_windows(stage: Stage) -> int:
    windows = {window.id: window for window in await stage.windows()}.values()
    return sum(len(window.sequence) for window in windows)


async def test_lines_without_a_key_over_four_partitions_make_whole_sessions(stage: Stage) -> None:
    lines = sessions(40, 1000)
    sent = await stage.scatter([*lines, ("none", "no key here")], now_ms() - 1001)
    assert {line.partition for line in sent} == {0, 1, 2, 3}
    worker = await stage.worker("ingest")
    await covered(stage, sent[:1000], worker)
    windows = await stage.windows()
    assert coverage_by_spans(windows, sent[:1000]) == {1: 1000}
    expected = Counter(session for session, _ in lines)
    found = {window.session: len(window.sequence) for window in windows}
    assert found == expected and len(windows) == len(expected)
    assert any(len(window.spans) == 4 for window in windows)
    await until(lambda: worker.metrics()["fusionlog_lines_open"] == 0, 20, worker.metrics)
    raw, keyed = worker.metrics("raw"), worker.metrics("keyed")
    assert (raw["fusionlog_lines"], raw["fusionlog_lines_keyed"], raw["fusionlog_lines_dropped"]) == (1001, 1000, 1)
    assert (keyed["fusionlog_lines"], keyed["fusionlog_lines_windowed"]) == (1000, 1000)
    assert conserved(worker, "raw") and conserved(worker, "keyed")
    await until(lambda: worker.lag(stage.settings.topics.keyed("shop").name) == 0, 20, worker.metrics)
    assert await worker.stop() == 0


async def test_killed_midway_in_both_stages_every_line_is_in_one_window(stage: Stage) -> None:
    lines, start = sessions(60, 6000), now_ms()
    worker = await stage.worker("ingest")
    await worker.logged("partitions taken over")
    sent = await stage.scatter(lines[:2000], start, pause=0.1)
    for part in (2000, 3500):
        sent += await stage.scatter(lines[part : part + 1500], start + part, pause=0.2)
        await worker.kill()
        worker = await stage.worker("ingest")
        await worker.logged("partitions taken over")
    assert len(await stage.windows()) > 0
    sent += await stage.scatter(lines[5000:], start + 5000)
    await covered(stage, sent, worker)
    assert coverage_by_spans(await stage.windows(), sent) == {1: 6000}
    assert await lines_in_windows(stage) == 6000
    assert conserved(worker, "raw") and conserved(worker, "keyed")
    assert await stage.records(stage.settings.topics.deadletter) == []


async def test_frozen_for_longer_than_its_session_it_repeats_and_loses_nothing(stage: Stage) -> None:
    lines, start = sessions(60, 3000), now_ms()
    frozen = await stage.worker("ingest")
    await frozen.logged("partitions taken over")
    sent = await stage.scatter(lines[:1000], start, pause=0.05)
    os.kill(frozen.pid, signal.SIGSTOP)
    other = await stage.worker("ingest")
    sent += await stage.scatter(lines[1000:2000], start + 1000)
    await other.logged("partitions taken over")
    os.kill(frozen.pid, signal.SIGCONT)
    sent += await stage.scatter(lines[2000:], start + 2000, pause=0.05)
    await covered(stage, sent, other)
    assert coverage_by_spans(await stage.windows(), sent) == {1: 3000}
    assert await lines_in_windows(stage) == 3000


@pytest.mark.long
@pytest.mark.parametrize("seed", range(6))
async def test_two_workers_of_which_one_is_killed_at_any_moment_lose_and_repeat_nothing(
    stage: Stage, seed: int
) -> None:
    source, lines, start = random.Random(seed), sessions(200, 6000, seed), now_ms()
    workers = [await stage.worker("ingest"), await stage.worker("ingest")]
    sent = await stage.scatter(lines[:1500], start, pause=0.02)
    for part in (1500, 3000, 4500):
        writing = asyncio.create_task(stage.scatter(lines[part : part + 1500], start + part, pause=0.05))
        await asyncio.sleep(source.random())  # when one is killed: what is varied
        await workers.pop(source.randrange(2)).kill()
        workers.append(await stage.worker("ingest"))
        sent += await writing
    await covered(stage, sent, workers[0])
    assert coverage_by_spans(await stage.windows(), sent) == {1: 6000}
    assert await lines_in_windows(stage) == 6000
