"""A slow LLM, a slow scorer, a slow Kafka, on Apache Kafka: windows wait there; nothing times out or is lost."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.agents.stage import Stage, Worker, coverage, until
from tests.agents.test_ingest import conserved, sessions
from tests.brokers import ApacheKafka
from tests.teachers.fake_endpoint import Reply, fake_endpoint

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

PATIENT = {"FUSIONLOG_KAFKA__SESSION_TIMEOUT": "20", "FUSIONLOG_KAFKA__REBALANCE_TIMEOUT": "20"}
NARROW = {
    "FUSIONLOG_INGEST__MAX_UNACKED": "5",
    "FUSIONLOG_INGEST__POLL_RECORDS": "100",
    "FUSIONLOG_INGEST__COMMIT_SECONDS": "600",  # a commit would wait for Kafka, too, and nothing would be paused
}
STOP_SECONDS = 4.0


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """A process that does not run, and looks alive to whoever is connected."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def taken_over(worker: Worker) -> int:
    return worker.log.read_text().count("partitions taken over")


async def windowed(worker: Worker, lines: int) -> None:
    await until(lambda: worker.metrics().get("fusionlog_lines_windowed") == lines, 60, worker.metrics)


async def test_a_kafka_that_stands_still_pauses_ingest_and_costs_nothing(
    own_kafka: ApacheKafka, tmp_path: Path
) -> None:
    stage = Stage(tmp_path / "stage", own_kafka.settings, extra={**PATIENT, **NARROW})
    await stage.setup()
    try:
        worker = await stage.worker("ingest")
        await worker.logged("partitions taken over")
        sent = await stage.write(sessions(20, 8000))
        await until(lambda: worker.metrics()["fusionlog_lines"] > 0, 30)
        with frozen(own_kafka.pid):
            await until(lambda: worker.metrics()["fusionlog_partitions_paused"] == 2, 20, worker.metrics)
            stood = worker.metrics()["fusionlog_lines"]
            await asyncio.sleep(STOP_SECONDS)  # nothing happens meanwhile: that is the test
            assert worker.metrics()["fusionlog_lines"] == stood < 8000, "nothing is read that cannot be written"
        await windowed(worker, 8000)
        await until(lambda: worker.metrics()["fusionlog_partitions_paused"] == 0, 5)
        assert taken_over(worker) == 1
        assert coverage(await stage.windows(), sent) == {1: 8000} and conserved(worker)
    finally:
        await stage.close()


async def test_a_slow_llm_leaves_windows_in_kafka_and_ingest_alone(stage: Stage) -> None:
    topic = stage.settings.topics.proprietary.name
    with fake_endpoint() as endpoint:
        endpoint.otherwise = Reply(seconds=3600.0)
        slow = {"FUSIONLOG_LABEL__URL": endpoint.url, "FUSIONLOG_LABEL__TIMEOUT": "8", "FUSIONLOG_LABEL__RETRIES": "9"}
        labels = await stage.worker("label", **slow, FUSIONLOG_METHOD="llm-only")
        await labels.logged("started")
        ingest = await stage.worker("ingest", FUSIONLOG_METHOD="llm-only")
        await ingest.logged("partitions taken over")
        await stage.write(sessions(40, 4000))
        await windowed(ingest, 4000)
        windows = ingest.metrics()["fusionlog_windows"]
        await until(lambda: len(endpoint.requests) > 0, 20)
        await until(lambda: labels.lag(topic) == windows, 20, lambda: (windows, labels.lag(topic)))
        await asyncio.sleep(STOP_SECONDS)  # longer than a session lasts
        assert labels.lag(topic) == windows and labels.metrics().get("fusionlog_windows_labelled", 0) == 0
        endpoint.otherwise = Reply()
        await until(lambda: labels.metrics().get("fusionlog_windows_labelled", 0) == windows, 90, labels.metrics)
        await until(lambda: labels.lag(topic) == 0, 20, lambda: labels.lag(topic))
    assert taken_over(ingest) == 1 and conserved(ingest)
    assert await labels.stop() == 0


async def test_a_scorer_that_stands_still_leaves_windows_in_kafka_and_ingest_alone(stage: Stage) -> None:
    topic, raw = stage.settings.topics.general.name, stage.settings.topics.raw("shop").name
    score = await stage.worker("score", **PATIENT)
    await score.logged("started")
    slowly = {"FUSIONLOG_INGEST__MAX_UNACKED": "1", "FUSIONLOG_INGEST__POLL_RECORDS": "100"}
    ingest = await stage.worker("ingest", FUSIONLOG_METHOD="source-only", **slowly)
    await ingest.logged("partitions taken over")
    with frozen(score.pid):
        await stage.write(sessions(40, 4000))
        await until(lambda: ingest.lag(raw) > 0, 20)
        await windowed(ingest, 4000)
    await until(lambda: ingest.lag(raw) == 0, 20, lambda: ingest.lag(raw))
    windows = ingest.metrics()["fusionlog_windows"]
    await until(lambda: score.metrics().get("fusionlog_windows_scored", 0) == windows, 60, score.metrics)
    await until(lambda: score.lag(topic) == 0, 20, lambda: score.lag(topic))
    assert taken_over(ingest) == 1 and conserved(ingest)
