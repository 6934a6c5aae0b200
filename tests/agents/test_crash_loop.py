"""A record that ends every worker that reads it, on Apache Kafka: the third death is its last."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fusionlog.records import Route
from fusionlog.types import RouteKind
from tests.agents.stage import Stage, Worker, coverage, until
from tests.agents.test_ingest import conserved
from tests.factories import make_anomaly, make_window
from tests.teachers.fake_endpoint import fake_endpoint
from tests.workers.dead_letters import read_headers

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

FAULTS = str(Path(__file__).parent / "faults")
DEATHS = 3


async def faulty(stage: Stage, role: str, fault: str, **env: str) -> Worker:
    """A worker that dies of what names poison."""
    path = os.pathsep.join(filter(None, [FAULTS, os.environ.get("PYTHONPATH")]))
    return await stage.worker(role, PYTHONPATH=path, TEST_FAULT=fault, **env)


async def dies_of_it(stage: Stage, role: str, fault: str, **env: str) -> Worker:
    """The worker that goes on, after those that died."""
    for _ in range(DEATHS):
        worker = await faulty(stage, role, fault, **env)
        assert await worker.ended(60) != 0
        assert "poisoned" in worker.log.read_text() and "the records in hand are noted" in worker.log.read_text()
        assert await letters(stage) == []
    worker = await faulty(stage, role, fault, **env)
    await worker.logged('"started"')
    return worker


async def letters(stage: Stage) -> list[dict[str, str]]:
    found = await stage.records(stage.settings.topics.deadletter)
    return [read_headers(letter.headers) for letter in found]


async def test_a_line_that_no_code_should_fail_on_is_given_up(stage: Stage) -> None:
    lines = [(f"k{number % 9}", f"s=k{number % 9} connection opened") for number in range(400)]
    lines[200] = ("k1", "s=k1 poison")
    sent = await stage.write(lines)
    worker = await dies_of_it(stage, "ingest", "line")
    await until(lambda: worker.metrics().get("fusionlog_lines_windowed") == 399, 40, worker.metrics)
    [letter] = await stage.records(stage.settings.topics.deadletter)
    headers = read_headers(letter.headers)
    assert letter.value == b"s=k1 poison"
    assert (headers["reason"], headers["offset"]) == ("crash-loop", str(sent[200].offset))
    assert "died 3 times with this record in hand: ZeroDivisionError: poisoned" in headers["detail"]
    assert worker.metrics()["fusionlog_lines_dead_lettered"] == 1 and conserved(worker)


@pytest.mark.long
async def test_a_window_that_no_code_should_fail_on_is_given_up(stage: Stage) -> None:
    lines = [(f"k{number % 9}", f"s=k{number % 9} connection opened") for number in range(90)]
    lines[40] = ("k4", "s=k4 poison")
    sent = await stage.write(lines)
    worker = await dies_of_it(stage, "ingest", "window")
    await until(lambda: worker.metrics().get("fusionlog_lines_dead_lettered") == 10, 40, worker.metrics)
    await until(lambda: worker.metrics().get("fusionlog_lines_open") == 0, 40, worker.metrics)
    assert coverage(await stage.windows(), sent) == {0: 10, 1: 80}
    [headers] = await letters(stage)
    assert headers["reason"] == "crash-loop" and "the window in hand that begins here" in headers["detail"]
    assert conserved(worker)


@pytest.mark.parametrize(
    ("role", "kind"), [("score", "general"), pytest.param("label", "proprietary", marks=pytest.mark.long)]
)
async def test_a_window_that_ends_its_readers_is_given_up(stage: Stage, role: str, kind: RouteKind) -> None:
    topics = stage.settings.topics
    topic = topics.general if role == "score" else topics.proprietary
    words = [f"w{number} failed" for number in range(30)]
    words[17] = "poison failed"
    route = Route(kind=kind, similarity=1.0, threshold=0.8)
    windows = [
        make_window("disk failed", word, session=f"s{number}", first_offset=number, route=route)
        for number, word in enumerate(words)
    ]
    await stage.publish(topic, *windows)
    with fake_endpoint() as endpoint:
        env = {"FUSIONLOG_LABEL__URL": endpoint.url, "FUSIONLOG_METHOD": "fusionlog" if role == "score" else "llm-only"}
        worker = await dies_of_it(stage, role, "anomaly", **env)
        await until(lambda: worker.metrics().get("fusionlog_windows_dead_lettered") == 1, 60, worker.metrics)
        await until(lambda: worker.lag(topic.name) == 0, 60, worker.metrics)
    [letter] = await stage.records(topics.deadletter)
    headers = read_headers(letter.headers)
    assert b"poison" in (letter.value or b"") and (headers["reason"], headers["stage"]) == ("crash-loop", role)
    anomalies = {record.key for record in await stage.records(topics.anomalies)}
    assert anomalies == {f"shop/s{number}".encode() for number in range(30) if number != 17}


@pytest.mark.long
async def test_an_anomaly_that_ends_the_explain_worker_is_given_up(stage: Stage) -> None:
    topics = stage.settings.topics
    anomalies = [make_anomaly(shape=f"shape{number}", session=f"s{number}") for number in range(6)]
    anomalies[3] = make_anomaly(shape="shape3", session="poison")
    await stage.publish(topics.anomalies, *anomalies)
    with fake_endpoint() as endpoint:
        worker = await dies_of_it(stage, "explain", "explanation", FUSIONLOG_LABEL__URL=endpoint.url)
        await until(lambda: len(endpoint.requests) > 0, 40, lambda: worker.log.read_text()[-2000:])

        async def given_up() -> bool:
            return len(await letters(stage)) > 0

        await until(given_up, 40, lambda: worker.log.read_text()[-2000:])
    [headers] = [each for each in await letters(stage) if each["reason"] == "crash-loop"]
    assert headers["stage"] == "explain"
