"""Train workers on Kafka with a fake of Ray's Jobs API: one leads, another takes over where it was killed."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.agents.stage import Stage, Worker, until
from tests.factories import make_label, make_window
from tests.workers.train.test_ray_api import FakeJobsApi, described, served

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

SETTINGS = {
    "FUSIONLOG_TRAIN__NEW_LABELS": "2", "FUSIONLOG_DISTILL__MIN_LABELS": "2", "FUSIONLOG_TRAIN__POLL_SECONDS": "0.2",
    "FUSIONLOG_TRAIN__RETRY_SECONDS": "1", "FUSIONLOG_TRAIN__INTERVAL": "0",
}  # fmt: skip


class FakeRay(FakeJobsApi):
    """A fake of a Ray cluster: it takes a job once, and runs it until `end`."""

    def __init__(self) -> None:
        super().__init__()
        self.submitted: list[str] = []

    async def handle(self, request: Any) -> Any:
        if request.method == "POST" and request.path == "/api/jobs/":
            id = (await request.json())["submission_id"]
            new = id not in self.submitted
            self.answers["POST /api/jobs/"] = (200, "{}") if new else (500, "already exists")
            if new:
                self.submitted.append(id)
                self.answers[f"GET /api/jobs/{id}"] = described("RUNNING")
        return await super().handle(request)

    def end(self, id: str, outcome: str, code: int = 0) -> None:
        report = {"system": "shop", "outcome": outcome, "reason": "every check passed", "version": "v1", "seconds": 2.0}
        log = "distill: shop, 2 labels, 9 windows\n" + json.dumps(report) + "\n"
        self.answers[f"GET /api/jobs/{id}/logs"] = (200, json.dumps({"logs": log}))
        self.answers[f"GET /api/jobs/{id}"] = described("SUCCEEDED" if code == 0 else "FAILED", code)


@pytest.fixture
async def ray(stage: Stage) -> AsyncIterator[FakeRay]:
    fake = FakeRay()
    async with served(fake) as api:
        stage.env |= {**SETTINGS, "FUSIONLOG_RAY_ADDRESS": api.address}
        yield fake


async def label(stage: Stage, *texts: str) -> None:
    labels = [make_label(make_window(text), 0.9, labelled_at=time.time()) for text in texts]
    await stage.publish(stage.settings.topics.labels, *labels)


async def command(stage: Stage, *words: str) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "fusionlog", *words, env={**os.environ, **stage.env}, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    return output.decode()


async def status(stage: Stage) -> dict[str, Any]:
    (target,) = json.loads(await command(stage, "train", "status", "--json"))["targets"]
    assert target["system"] == "shop"
    found: dict[str, Any] = target
    return found


def leads(worker: Worker) -> bool:
    return worker.metrics().get("fusionlog_train_leads") == 1


async def test_a_training_outlives_its_workers_and_is_submitted_once(stage: Stage, ray: FakeRay) -> None:
    first = await stage.worker("train")
    await first.logged('"started"')
    await label(stage, "disk failed", "connection opened")
    await first.logged("a training is due")
    await first.kill()
    second = await stage.worker("train")
    await second.logged('"started"')
    await until(lambda: len(ray.submitted) == 1 and leads(second), 60, lambda: second.log.read_text()[-3000:])
    standby = await stage.worker("train")
    await standby.logged('"started"')
    shown = await status(stage)
    assert (shown["state"], shown["reasons"], [shown["job"]]) == ("running", ["2 new labels"], ray.submitted)
    await second.kill()
    ray.end(shown["job"], "published")
    await until(lambda: leads(standby), 60, lambda: standby.log.read_text()[-3000:])
    await standby.logged("a training ended")
    shown = await status(stage)
    assert (shown["state"], shown["outcome"], shown["version"]) == ("waiting", "published", "v1")
    assert len(ray.submitted) == 1
    text = await command(stage, "train", "status")
    assert text.startswith("shop: waiting, 0 new labels of 2") and "published v1, every check passed" in text
    await an_operator_requests_a_training_and_it_fails(stage, ray, standby)


async def an_operator_requests_a_training_and_it_fails(stage: Stage, ray: FakeRay, worker: Worker) -> None:
    assert "undo: fusionlog train resume" in await command(stage, "train", "pause")
    await label(stage, "payment refused", "payment failed")
    await until(lambda: "paused" in str(worker_states(worker)), 30, worker.log.read_text)
    await command(stage, "train", "now", "--system", "shop")
    await until(lambda: len(ray.submitted) == 2, 30, worker.log.read_text)
    ray.end(ray.submitted[1], "failed", 2)
    await worker.logged("a training failed")
    shown = await status(stage)
    assert (shown["state"], shown["failures"], shown["outcome"]) == ("paused", 1, "failed")
    await command(stage, "train", "resume")
    await until(lambda: len(ray.submitted) == 3, 30, worker.log.read_text)
    assert (await status(stage))["reasons"] == ["retry"]


def worker_states(worker: Worker) -> set[str]:
    """The states that the worker's metrics show of its targets."""
    found = re.findall(r'^fusionlog_training_state\{state="(\w+)",system="shop"\} 1\.0$', worker._served(), re.M)
    return set(found)
