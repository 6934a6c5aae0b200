"""The ingest worker as a process, on Apache Kafka."""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path

import pytest

from fusionlog.records import Window
from tests.agents.stage import Stage, Worker, coverage, until
from tests.brokers import ApacheKafka
from tests.workers.dead_letters import read_headers

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

TEXTS = ("connection opened", "disk full", "connection closed", "connection failed", "disk failed")


def sessions(count: int, lines: int, seed: int = 1) -> list[tuple[str, str]]:
    """Interleaved lines of sessions, each (session, text)."""
    source = random.Random(seed)
    drawn = [f"k{source.randrange(count)}x{seed}" for _ in range(lines)]
    return [(session, f"s={session} {source.choice(TEXTS)}") for session in drawn]


def conserved(worker: Worker, input: str = "") -> bool:
    found = worker.metrics(input)
    parts = ("windowed", "keyed", "dead_lettered", "dropped", "joined", "repeated", "deleted", "released", "open")
    memberships = sum(
        found.get(f"fusionlog_memberships_{part}", 0)
        for part in ("windowed", "keyed", "dead_lettered", "released", "open")
    )
    records = sum(found.get(f"fusionlog_records_{part}", 0) for part in ("opened", "dead_lettered", "deleted"))
    return (found["fusionlog_lines"], found["fusionlog_memberships"], found["fusionlog_records"]) == (
        sum(found.get(f"fusionlog_lines_{part}", 0) for part in parts), memberships, records,
    )  # fmt: skip


async def test_lines_become_windows_and_counts_conserve(stage: Stage) -> None:
    lines = sessions(40, 1000)
    other: list[tuple[str | None, str | bytes]] = [
        (None, "no key here"), ("k", b"\x00\x01\x02\x03\x04"), ("k", b""), ("k", json.dumps({"log": "s=k disk full"})),
    ]  # fmt: skip
    sent = await stage.write([*lines, *other])
    worker = await stage.worker("ingest")
    await worker.logged("partitions taken over")

    async def all_windowed() -> bool:
        return worker.metrics().get("fusionlog_lines_windowed") == 1001

    await until(all_windowed, 30, lambda: (worker.metrics(), worker.log.read_text()[-2000:]))
    assert conserved(worker)
    found = worker.metrics()
    assert (found["fusionlog_lines"], found["fusionlog_lines_open"]) == (1004, 0)
    assert (found["fusionlog_lines_dropped"], found["fusionlog_lines_dead_lettered"]) == (1, 2)
    windows = await stage.windows()
    assert coverage(windows, sent[:1000]) == {1: 1000}
    assert {window.closed_by for window in windows} <= {"silence", "size"}
    assert all(window.route is not None for window in windows)
    letters = await stage.records(stage.settings.topics.deadletter)
    assert {letter.value for letter in letters} == {b"\x00\x01\x02\x03\x04", b""}
    headers = [read_headers(letter.headers) for letter in letters]
    assert {each["reason"] for each in headers} == {"not-text", "empty"}
    assert {each["stage"] for each in headers} == {"ingest"}
    templates = await stage.records(stage.settings.topics.templates)
    assert len({record.key for record in templates}) == len(templates) >= len(TEXTS)
    assert await worker.stop() == 0


async def test_killed_midway_every_line_is_in_one_window(stage: Stage) -> None:
    lines = sessions(60, 6000)
    worker = await stage.worker("ingest")
    await worker.logged("partitions taken over")
    sent = await stage.write(lines[:2000], pause=0.02)
    for part in (lines[2000:3500], lines[3500:5000]):
        sent += await stage.write(part, pause=0.02)
        await worker.kill()
        assert len(await stage.windows()) > 0
        worker = await stage.worker("ingest")
    sent += await stage.write(lines[5000:])

    async def covered() -> bool:
        return 0 not in coverage(await stage.windows(), sent)

    await until(covered, 40, lambda: worker.log.read_text()[-2000:])
    windows = await stage.windows()
    assert coverage(windows, sent) == {1: 6000}
    assert sum(len(window.sequence) for window in {window.id: window for window in windows}.values()) == 6000
    assert conserved(worker)


async def test_killed_midway_every_line_of_a_record_is_in_one_window(stage: Stage) -> None:
    """Three lines a record, of three sessions, so that windows begin and end within records."""
    hosts = [number % 4 for number in range(900)]
    lines = [
        [f"s=k{host}x{(number + index) % 7} {TEXTS[(number + index) % 5]}" for index in range(3)]
        for number, host in enumerate(hosts)
    ]
    records = [
        (f"h{host}", json.dumps([{"log": each} for each in three])) for host, three in zip(hosts, lines, strict=True)
    ]
    worker = await stage.worker("ingest")
    await worker.logged("partitions taken over")
    sent = await stage.write(records[:600], pause=0.05)
    await worker.kill()
    worker = await stage.worker("ingest")
    sent += await stage.write(records[600:], pause=0.02)

    async def found() -> list[Window]:
        return list({window.id: window for window in await stage.windows()}.values())

    async def all_windowed() -> bool:
        return sum(len(window.sequence) for window in await found()) >= 2700

    await until(all_windowed, 40, lambda: worker.log.read_text()[-2000:])
    windows = await found()
    for place, three in zip(sent, lines, strict=True):
        for index, line in enumerate(three):
            session, position = line.split()[0].removeprefix("s="), (place.offset, index)
            times = sum(
                (window.session, window.partition) == (session, place.partition)
                and (window.first_offset, window.first_index) <= position <= (window.last_offset, window.last_index)
                for window in windows
            )
            assert times == 1, (session, place, index)
    assert sum(len(window.sequence) for window in windows) == 2700 and conserved(worker)


async def test_partitions_move_between_workers_and_nothing_is_lost(stage: Stage) -> None:
    lines = sessions(60, 4000)
    first = await stage.worker("ingest")
    await first.logged("partitions taken over")
    sent = await stage.write(lines[:1500], pause=0.02)
    second = await stage.worker("ingest")
    sent += await stage.write(lines[1500:3000], pause=0.1)
    await second.logged("partitions taken over")
    await first.stop()
    sent += await stage.write(lines[3000:], pause=0.02)

    async def covered() -> bool:
        return 0 not in coverage(await stage.windows(), sent)

    await until(covered, 40, lambda: second.log.read_text()[-2000:])
    assert coverage(await stage.windows(), sent) == {1: 4000}
    assert conserved(second)


async def test_no_model_yet_is_said_once_and_waited_for(stage_without_model: Stage) -> None:
    stage = stage_without_model
    worker = await stage.worker("ingest")
    await worker.logged("waiting for a model")
    sent = await stage.write(sessions(5, 50))
    await stage.publish(stage.settings.topics.models, stage.release())
    await worker.logged("model in use")

    async def covered() -> bool:
        return coverage(await stage.windows(), sent) == {1: 50}

    await until(covered, 30, lambda: worker.log.read_text()[-2000:])
    assert worker.log.read_text().count("waiting for a model") == 1


async def test_a_broker_that_is_killed_and_comes_back_loses_nothing(own_kafka: ApacheKafka, tmp_path: Path) -> None:
    stage = Stage(tmp_path / "stage", own_kafka.settings)
    await stage.setup()
    try:
        worker = await stage.worker("ingest")
        await worker.logged("partitions taken over")
        lines = sessions(40, 2000)
        sent = await stage.write(lines[:1500], pause=0.02)
        own_kafka.kill()
        await asyncio.sleep(2)  # away for a while, as the worker sees it
        await asyncio.to_thread(own_kafka.start)
        sent += await stage.write(lines[1500:])

        async def covered() -> bool:
            return 0 not in coverage(await stage.windows(), sent)

        await until(covered, 60, lambda: worker.log.read_text()[-2000:])
        assert coverage(await stage.windows(), sent) == {1: 2000}
        assert conserved(worker)
    finally:
        await stage.close()
