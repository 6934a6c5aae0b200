"""What workers report of themselves, as `fusionlog status` and `models rollback` show it: processes, on Kafka."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from fusionlog.cli.main import app
from fusionlog.records import ModelRelease
from tests.agents.stage import Stage

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


async def run(stage: Stage, *words: str) -> Result:
    return await asyncio.to_thread(CliRunner(env=stage.env).invoke, app, words)


async def status(stage: Stage) -> dict[str, Any]:
    done = await run(stage, "status", "--json")
    assert done.exit_code in (0, 1), done.output + repr(done.exception)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


async def in_use(stage: Stage, version: str, workers: int) -> None:
    async with asyncio.timeout(150):
        while (await status(stage))["systems"].get("shop", {}).get("releases") != {version: workers}:
            await asyncio.sleep(0.2)


async def test_a_first_release_is_rolled_back_to_the_base_by_all_workers_and_the_next_one_is_used(stage: Stage) -> None:
    assert "no worker has reported" in (await run(stage, "status")).stdout
    workers = [await stage.worker(role) for role in ("ingest", "score", "score")]
    base = stage.release()
    await in_use(stage, base.version, 3)

    first = stage.release("shop", created=time.time())
    await stage.publish(stage.settings.topics.models, first)
    await in_use(stage, first.version, 3)
    listed = [json.loads(line) for line in (await run(stage, "models", "list", "--json")).stdout.splitlines()]
    assert {each["version"]: each["used_by"] for each in listed} == {base.version: 0, first.version: 3}

    done = await run(stage, "models", "rollback", "base", "--system", "shop", "--note", "too many alarms")
    assert done.exit_code == 0 and f"3 of 3 workers use {base.version}" in done.stdout, done.output
    assert "too many alarms" in (await run(stage, "models", "list")).stdout

    second: ModelRelease = stage.release("shop", created=time.time())
    await stage.publish(stage.settings.topics.models, second)
    await in_use(stage, second.version, 3)

    await workers[1].kill()
    assert await workers[2].stop() == 0
    found = await status(stage)
    assert [each["role"] for each in found["workers"]] == ["ingest", "score"], "one stopped in order, one was killed"


async def test_counts_and_the_reason_of_a_worker_that_is_not_well_are_shown(stage: Stage) -> None:
    await stage.worker("ingest")
    await stage.publish_raw(stage.settings.topics.raw("shop"), b"s=a connection opened")
    async with asyncio.timeout(150):
        while (await status(stage))["systems"].get("shop", {}).get("lines") != 1:
            await asyncio.sleep(0.2)
    text = (await run(stage, "status")).stdout
    assert "ingest" in text and "shop" in text
