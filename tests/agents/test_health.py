"""The probes of worker processes on Apache Kafka that is away at the start, comes, is killed and comes back."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fusionlog.kafka.stopping import STOP_SECONDS
from tests.agents.stage import Stage, Worker, coverage, until
from tests.brokers import ApacheKafka
from tests.factories import make_window

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

SECONDS = 60.0
URL = {"FUSIONLOG_LABEL__URL": "http://127.0.0.1:1/v1"}


@pytest.fixture
async def stage(own_kafka: ApacheKafka, tmp_path: Path) -> AsyncIterator[Stage]:
    stage = Stage(tmp_path, own_kafka.settings)
    await stage.setup()
    yield stage
    await stage.close()


async def get(worker: Worker, path: str) -> tuple[int, Any]:
    """The status and the body of an answer; status 0 where nobody answers."""
    return await asyncio.to_thread(_get, f"http://127.0.0.1:{worker.metrics_port}{path}")


def _get(url: str) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, _body(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, _body(error.read())
    except OSError:
        return 0, {}


def _body(body: bytes) -> Any:
    return json.loads(body) if body.startswith(b"{") else body.decode()


async def becomes(worker: Worker, path: str, status: int) -> Any:
    """Wait until a path has a status; its body."""
    found: tuple[int, Any] = (0, {})

    async def reached() -> bool:
        nonlocal found
        found = await get(worker, path)
        return found[0] == status

    await until(reached, SECONDS, lambda: (found, worker.log.read_text()[-3000:]))
    return found[1]


async def stopped_in_time(worker: Worker) -> None:
    """Send SIGTERM: the exit code is 0 within the time that a stop may take."""
    began = time.monotonic()
    assert await worker.stop() == 0, worker.log.read_text()[-3000:]
    print(f"{worker.role} stopped in {time.monotonic() - began:.1f} s")
    assert time.monotonic() - began < STOP_SECONDS + 1.0, worker.log.read_text()[-3000:]


async def test_probes_follow_kafka(stage: Stage, own_kafka: ApacheKafka) -> None:
    own_kafka.stop()
    worker = await stage.worker("ingest")
    unready = await becomes(worker, "/readyz", 503)
    assert any("Kafka is away" in reason for reason in unready["reasons"])
    assert (await get(worker, "/healthz"))[0] == 200
    assert (await get(worker, "/"))[0] == (await get(worker, "/metrics/x"))[0] == 404
    await worker.logged("the worker waits for Kafka")
    await asyncio.to_thread(own_kafka.start)
    ready = await becomes(worker, "/readyz", 200)
    assert ready["role"] == "ingest" and ready["partitions"] == 2 and ready["model"]["shop"]

    async def lag_is_known() -> bool:
        return bool((await get(worker, "/readyz"))[1]["lag"] == 0)

    await until(lag_is_known, SECONDS)
    assert "fusionlog_kafka_up 1.0" in (await get(worker, "/metrics"))[1]
    own_kafka.kill()
    unready = await becomes(worker, "/readyz", 503)
    assert own_kafka.bootstrap_servers in str(unready["reasons"])
    assert (await get(worker, "/healthz"))[0] == 200

    async def no_lag() -> bool:
        metrics = (await get(worker, "/metrics"))[1]
        return "fusionlog_kafka_up 0.0" in metrics and "fusionlog_lag_records{" not in metrics

    await until(no_lag, SECONDS)
    await asyncio.to_thread(own_kafka.start)
    await becomes(worker, "/readyz", 200)
    log = worker.log.read_text()
    assert log.count("Kafka is away") == log.count("Kafka answers again") == 1, log
    assert log.count("the worker waits for Kafka") == 1
    assert log.count("\n") < 30, "it is no stream"
    assert await worker.stop() == 0


@pytest.mark.parametrize("how", ["killed", "frozen"])
@pytest.mark.parametrize(
    "role",
    ["ingest", "label", pytest.param("score", marks=pytest.mark.long), pytest.param("explain", marks=pytest.mark.long)],
)
async def test_sigterm_stops_a_worker_in_time_though_kafka_is_away(
    stage: Stage, own_kafka: ApacheKafka, role: str, how: str
) -> None:
    """A Kafka that is killed refuses connections; one that is frozen, as behind a dead network, answers none."""
    worker = await stage.worker(role, **URL)
    await becomes(worker, "/readyz", 200)
    if role == "ingest":
        await stage.write([(f"s{n}", f"s=s{n} connection opened") for n in range(500)])
    if role == "label":
        await stage.publish(
            stage.settings.topics.proprietary, *(make_window("engine melted", id=f"{n}") for n in range(50))
        )
        await worker.logged("the endpoint is left alone")
    os.kill(own_kafka.pid, signal.SIGKILL if how == "killed" else signal.SIGSTOP)
    try:
        await becomes(worker, "/readyz", 503)
        await stopped_in_time(worker)
    finally:
        own_kafka.kill()


async def test_sigterm_stops_a_worker_that_waits_for_kafka(stage: Stage, own_kafka: ApacheKafka) -> None:
    own_kafka.kill()
    worker = await stage.worker("score")
    await worker.logged("the worker waits for Kafka")
    await stopped_in_time(worker)


@pytest.mark.long
@pytest.mark.parametrize("role", ["score", "label"])
async def test_a_static_member_keeps_its_partitions_over_a_restart(stage: Stage, role: str) -> None:
    """Two workers share the partitions; one is stopped and started again, the other keeps what it has."""
    static = "FUSIONLOG_KAFKA__GROUP_INSTANCE_ID"
    timeout = {"FUSIONLOG_KAFKA__SESSION_TIMEOUT": "30"}
    first, second = [await stage.worker(role, **timeout, **URL, **{static: f"w-{n}"}) for n in range(2)]

    async def shared() -> bool:
        return [(await get(each, "/readyz"))[1].get("partitions") for each in (first, second)] == [1, 1]

    await until(shared, SECONDS)
    taken = second.log.read_text().count("partitions taken over")
    assert await first.stop() == 0
    again = await stage.worker(role, **timeout, **URL, **{static: "w-0"})
    assert (await becomes(again, "/readyz", 200))["partitions"] == 1
    assert second.log.read_text().count("partitions taken over") == taken, "no partition moved"


async def test_a_worker_without_a_partition_is_ready(stage: Stage) -> None:
    workers = [await stage.worker("score") for _ in range(3)]
    for worker in workers:
        await becomes(worker, "/readyz", 200)

    async def one_has_none() -> bool:
        found = [(await get(each, "/readyz")) for each in workers]
        return sorted(body.get("partitions") or 0 for _, body in found) == [0, 1, 1] and {s for s, _ in found} == {200}

    await until(one_has_none, SECONDS)


async def test_what_kafka_has_not_acknowledged_before_a_stop_is_read_again(
    stage: Stage, own_kafka: ApacheKafka
) -> None:
    worker = await stage.worker("ingest")
    await becomes(worker, "/readyz", 200)
    sent = await stage.write([(f"s{n % 100}", f"s=s{n % 100} connection opened") for n in range(1000)])
    own_kafka.kill()
    await becomes(worker, "/readyz", 503)
    await stopped_in_time(worker)
    await asyncio.to_thread(own_kafka.start)
    await stage.worker("ingest")

    async def covered() -> bool:
        return set(coverage(await stage.windows(), sent)) == {1}

    await until(covered, SECONDS)
