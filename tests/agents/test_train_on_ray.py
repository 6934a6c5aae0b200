"""A train worker on Kafka and a local Ray, killed before and after its job is submitted: one job, one release."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
import time
import urllib.request
from collections.abc import AsyncIterator
from typing import Any

import pytest

from fusionlog.kafka.table import read_all
from fusionlog.records import ModelRelease
from tests.agents.stage import Stage, Worker, until
from tests.factories import make_label, make_window

pytestmark = [pytest.mark.kafka, pytest.mark.ray, pytest.mark.slow, pytest.mark.long]

SECONDS = 240.0
SETTINGS = {
    "FUSIONLOG_TRAIN__NEW_LABELS": "2", "FUSIONLOG_TRAIN__POLL_SECONDS": "0.5", "FUSIONLOG_DISTILL__MIN_LABELS": "2",
    "FUSIONLOG_DISTILL__STEPS": "50", "FUSIONLOG_DISTILL__HIDDEN": "8", "FUSIONLOG_DISTILL__CALIBRATION_FOLDS": "0",
    "FUSIONLOG_DISTILL__GATE_MIN_AGREEMENT": "-1", "FUSIONLOG_DISTILL__GATE_MAX_RATE": "1",
}  # fmt: skip


class LocalRay:
    """A local Ray, and the jobs that it has had."""

    def __init__(self, address: str, token: str) -> None:
        self.address, self.token = address, token

    def jobs(self) -> list[dict[str, Any]]:
        request = urllib.request.Request(f"{self.address}/api/jobs/", headers={"Authorization": f"Bearer {self.token}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            found: list[dict[str, Any]] = json.loads(answer.read())
        return [each for each in found if (each.get("submission_id") or "").startswith("fusionlog-train-")]


@pytest.fixture
async def ray(stage: Stage) -> AsyncIterator[LocalRay]:
    token, log = secrets.token_hex(32), stage.directory / "ray.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "ray_jobs.local", stdout=output, stderr=output,
            env={**os.environ, **stage.env, "RAY_AUTH_TOKEN": token},
        )  # fmt: skip
    try:
        await until(lambda: "http://" in log.read_text(), SECONDS, log.read_text)
        address = next(line for line in log.read_text().splitlines() if line.startswith("http://"))
        stage.env |= {**SETTINGS, "FUSIONLOG_RAY_ADDRESS": address, "FUSIONLOG_RAY_TOKEN": token}
        yield LocalRay(address, token)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def logged(worker: Worker, *texts: str) -> None:
    """Wait until the log of a worker has one of these texts."""
    await until(lambda: any(text in worker.log.read_text() for text in texts), SECONDS, worker.log.read_text)


async def test_a_trainer_that_is_killed_in_the_middle_loses_and_doubles_nothing(stage: Stage, ray: LocalRay) -> None:
    good, bad = make_window("connection opened", "connection closed"), make_window("disk failed", session="s2")
    topics = stage.settings.topics
    await stage.publish(topics.general, *[good] * 20, bad)
    first = await stage.worker("train")
    await logged(first, '"started"')
    now = time.time()
    await stage.publish(topics.labels, make_label(good, 0.1, labelled_at=now), make_label(bad, 0.9, labelled_at=now))
    await logged(first, "a training is due")
    await first.kill()
    second = await stage.worker("train")
    await until(lambda: len(ray.jobs()) == 1, SECONDS, second.log.read_text)
    await second.kill()
    third = await stage.worker("train")
    await logged(third, "a training ended", "a training failed")
    assert '"outcome": "published"' in third.log.read_text(), third.log.read_text()[-3000:]
    (job,) = ray.jobs()
    assert job["status"] == "SUCCEEDED"
    releases: list[ModelRelease] = [release for _, release in await read_all(stage.settings, topics.models)]
    assert [release.system for release in releases].count("shop") == 1
    assert third.metrics()["fusionlog_trainings"] == 1 and await third.stop() == 0
