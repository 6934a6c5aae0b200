"""The canary on Apache Kafka, with the workers that it goes through."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fusionlog.kafka.stopping import STOP_SECONDS
from fusionlog.records import PseudoLabel, Window
from fusionlog.topics import CANARY
from fusionlog.workers.canary.arrivals import read_arrivals
from tests.agents.stage import Stage, Worker, until
from tests.brokers import ApacheKafka
from tests.teachers.fake_endpoint import fake_endpoint

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

ON = {"FUSIONLOG_CANARY__SECONDS": "1", "FUSIONLOG_CANARY__TIMEOUT": "3"}
OFF = {"FUSIONLOG_CANARY__SECONDS": "0"}
SECONDS = 60.0


def ready(worker: Worker) -> dict[str, Any]:
    """The answer to the probe of readiness; empty while the worker does not serve."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{worker.metrics_port}/readyz", timeout=5) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    except (urllib.error.URLError, ConnectionError):
        return {}


async def comes_through(canary: Worker) -> dict[str, Any]:
    """Wait until the canary comes through; the answer to the probe of readiness."""
    return await _until(canary, lambda seen: seen.get("stuck") is None and seen.get("latency_seconds") is not None)


async def stuck_at(canary: Worker, stage: str) -> dict[str, Any]:
    """Wait until the canary is stuck at a stage; the answer to the probe of readiness."""
    return await _until(canary, lambda seen: seen.get("stuck") == stage)


async def _until(canary: Worker, check: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}

    async def there() -> bool:
        found.update(await asyncio.to_thread(ready, canary))
        return bool(check(found.get("canary", {})))

    await until(there, SECONDS, lambda: (found, canary.log.read_text()[-3000:]))
    return found


async def test_the_canary_fails_while_the_score_worker_is_away_and_returns_with_it(
    apache_kafka: ApacheKafka, tmp_path: Path
) -> None:
    """Score workers need no setting for it."""
    stage = Stage(tmp_path, apache_kafka.settings, extra=ON)
    await stage.setup()
    try:
        await stage.worker("ingest")
        score = await stage.worker("score", **OFF)
        canary = await stage.worker("canary")
        body = await comes_through(canary)
        assert (body["ready"], body["degraded"], body["canary"]["system"]) == (True, [], CANARY)
        assert body["canary"]["verdict_source"].endswith("-base"), "the base model has the verdict"

        assert await score.stop() == 0
        body = await stuck_at(canary, "score")
        assert body["ready"], "a canary that fails blocks no rollout"
        assert "no score worker runs" in body["degraded"][0] and "cut to a window" in body["degraded"][0]
        assert canary.metrics()["fusionlog_canary_up"] == 0
        score = await stage.worker("score", **OFF)
        body = await comes_through(canary)
        assert body["degraded"] == [] and canary.metrics()["fusionlog_canary_up"] == 1

        log = canary.log.read_text()
        assert log.count("the canary fails") == log.count("the canary comes through again") == 1, log
        assert canary.metrics()["fusionlog_canary_false_alarms"] == 0
        assert {each.session.kind for each in await read_arrivals(stage.settings)} == {"anomaly"}
        assert not await stage.records(stage.settings.topics.proprietary), "no teacher is asked"
        assert not await stage.records(stage.settings.topics.deadletter)
        assert {window.system for window in await stage.windows()} == {CANARY}
    finally:
        await stage.close()


@pytest.mark.long
async def test_ingest_workers_that_are_away_or_have_no_setting_are_named(
    apache_kafka: ApacheKafka, tmp_path: Path
) -> None:
    stage = Stage(tmp_path, apache_kafka.settings, extra=ON)
    await stage.setup()
    try:
        canary = await stage.worker("canary")
        body = await stuck_at(canary, "ingest")
        assert "no ingest worker runs" in body["degraded"][0]
        await stage.worker("ingest", **OFF)

        def named() -> bool:
            return "start them with FUSIONLOG_CANARY__SECONDS, too" in str(ready(canary)["degraded"])

        await until(lambda: asyncio.to_thread(named), SECONDS, lambda: ready(canary))
        assert canary.log.read_text().count('"stage": "ingest"') == 1, "the stage is the same"
    finally:
        await stage.close()


@pytest.mark.long
async def test_where_there_is_no_small_model_an_llm_is_asked_once_and_a_restart_knows_the_last_anomaly(
    apache_kafka: ApacheKafka, tmp_path: Path
) -> None:
    with fake_endpoint() as endpoint:
        llm = {"FUSIONLOG_METHOD": "llm-only", "FUSIONLOG_LABEL__URL": endpoint.url}
        stage = Stage(tmp_path, apache_kafka.settings, extra=ON | llm)
        await stage.setup(model=False)
        try:
            await stage.worker("ingest")
            label = await stage.worker("label")
            canary = await stage.worker("canary")
            body = await comes_through(canary)
            assert body["canary"]["verdict_source"] == "llm:gpt-4o-mini"
            many = len(await read_arrivals(stage.settings)) + 3

            async def more() -> bool:
                return len(await read_arrivals(stage.settings)) >= many

            await until(more, SECONDS)
            units = [unit for call in range(len(endpoint.requests)) for unit in endpoint.units(call)]
            asked = [text for unit in units if "canary" in str(unit.get("system")) for text in [str(unit["events"])]]
            assert len(asked) == len(set(asked)) == 2, "each shape once"
            labels = [
                msgspec.json.decode(record.value, type=PseudoLabel)
                for record in await stage.records(stage.settings.topics.labels)
            ]
            assert {label.system for label in labels} == {CANARY}
            assert await canary.stop() == 0 and await label.stop() == 0
            again = await stage.worker("canary")
            body = await stuck_at(again, "label")
            assert (body["canary"]["verdict_source"], body["canary"]["latency_seconds"]) == ("llm:gpt-4o-mini", None)
            windows = [
                msgspec.json.decode(record.value, type=Window)
                for record in await stage.records(stage.settings.topics.proprietary)
            ]
            assert len({window.shape for window in windows}) == 2
        finally:
            await stage.close()


@pytest.mark.long
async def test_kafka_that_goes_away_is_a_failure_that_ends_with_its_return_and_delays_no_stop(
    own_kafka: ApacheKafka, tmp_path: Path
) -> None:
    stage = Stage(tmp_path, own_kafka.settings, extra=ON)
    await stage.setup()
    try:
        await stage.worker("ingest")
        await stage.worker("score")
        canary = await stage.worker("canary")
        await comes_through(canary)
        own_kafka.kill()

        async def failed() -> bool:
            return "the canary fails" in canary.log.read_text()

        await until(failed, SECONDS)
        await asyncio.to_thread(own_kafka.start)
        await canary.logged("the canary comes through again")
        assert canary.log.read_text().count("the canary comes through again") == 1
        own_kafka.kill()
        await until(lambda: canary.log.read_text().count("the canary fails") > 1, SECONDS)
        begun = asyncio.get_running_loop().time()
        assert await canary.stop() == 0
        assert asyncio.get_running_loop().time() - begun < STOP_SECONDS
    finally:
        await stage.close()
