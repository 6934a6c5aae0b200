"""Many targets as one job on a real Ray, Apache Kafka beside it: kills, an autoscaler, and one release a target."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from fusionlog.errors import RayError
from fusionlog.records import ModelRelease
from fusionlog.releases import BASE, sealed
from ray_jobs.local import LocalRay
from ray_jobs.submit import JobResult, submit
from tests.agents.stage import Stage
from tests.brokers import ApacheKafka
from tests.factories import make_label, make_window
from tests.ray_jobs.rays import ScalingRay, kill_head, kill_task

pytestmark = [pytest.mark.ray, pytest.mark.kafka, pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(900)]

TOKEN = "0123456789abcdef" * 2
SYSTEMS = ("shop", "mill", "farm", "yard")
SETTINGS = {
    "FUSIONLOG_DISTILL__MIN_LABELS": "2",
    "FUSIONLOG_DISTILL__STEPS": "1500",
    "FUSIONLOG_DISTILL__HIDDEN": "8",
    "FUSIONLOG_DISTILL__CALIBRATION_FOLDS": "0",
    "FUSIONLOG_DISTILL__GATE_MIN_AGREEMENT": "-1",
    "FUSIONLOG_DISTILL__GATE_MAX_RATE": "1",
}
WAIT_SECONDS = 300.0


class Deployment:
    """Topics with the windows and labels of four targets, and jobs on a Ray."""

    def __init__(self, directory: Path, kafka: ApacheKafka) -> None:
        systems = "".join(f"{name}: {{}}\n" for name in SYSTEMS)
        self.stage = Stage(directory, kafka.settings, systems=systems, extra=SETTINGS)
        self.lines: list[str] = []

    async def fill(self) -> None:
        """The base, and of each target two windows and their labels."""
        await self.stage.setup()
        topics = self.stage.settings.topics
        for system in SYSTEMS:
            good = make_window("connection opened", "connection closed", system=system)
            bad = make_window("connection opened", "disk failed", system=system, first_offset=20)
            await self.stage.publish(topics.general, good, bad)
            await self.stage.publish(topics.labels, make_label(good, 0.1), make_label(bad, 0.9))

    def run(self, ray: LocalRay, *systems: str, at: dict[str, Callable[[], object]] | None = None) -> JobResult:
        """A job to its end; what is to be done `at` a line of progress is done at the first that has the text."""
        waiting = dict(at or {})

        def show(line: str) -> None:
            self.lines.append(line)
            for text in [text for text in waiting if text in line]:
                waiting.pop(text)()

        words = [word for system in systems or SYSTEMS for word in ("--system", system)]
        command = [sys.executable, "-m", "ray_jobs.distill", *words]
        return submit(ray.address, command, self.stage.env, WAIT_SECONDS, TOKEN, show)

    async def releases(self) -> Counter[str]:
        """The number of records of each target on the topic of models: one that is published twice counts twice."""
        records = await self.stage.records(self.stage.settings.topics.models)
        found = [msgspec.json.decode(record.value, type=ModelRelease) for record in records if record.value]
        return Counter(release.system for release in found if release.system != BASE)


@pytest.fixture
async def deployment(tmp_path: Path, apache_kafka: ApacheKafka) -> Deployment:
    found = Deployment(tmp_path, apache_kafka)
    await found.fill()
    return found


@pytest.fixture
def rays() -> Iterator[Callable[[LocalRay], LocalRay]]:
    """Starts Rays that end with the test."""
    found: list[LocalRay] = []

    def start(ray: LocalRay) -> LocalRay:
        found.append(ray)
        ray.start()
        return ray

    yield start
    for ray in found:
        ray.stop()


async def test_a_target_that_fails_and_a_worker_that_is_killed_cost_no_release(
    deployment: Deployment, rays: Callable[[LocalRay], LocalRay]
) -> None:
    stage, ray = deployment.stage, rays(LocalRay(2, TOKEN))
    another = sealed(replace(stage.release("yard", created=2.0), encoder="another"))
    await stage.publish(stage.settings.topics.models, another)
    killed: list[bool] = []
    result = await asyncio.to_thread(
        deployment.run, ray, at={"shop, fit 1": lambda: killed.append(kill_task(ray, "target"))}
    )
    assert killed == [True], deployment.lines
    outcomes = {each["system"]: each["outcome"] for each in result.report["targets"]}
    assert outcomes == {"shop": "published", "mill": "published", "farm": "published", "yard": "failed"}
    assert (result.code, result.report["published"]) == (5, 3)
    assert await deployment.releases() == {"shop": 1, "mill": 1, "farm": 1, "yard": 1}, "that of yard is its parent"
    assert all(each["peak_bytes"] > 1e7 for each in result.report["targets"])
    assert [line for line in deployment.lines if "8 windows of 4 systems" in line], "read in one pass"


async def test_a_head_that_is_killed_costs_no_release_and_doubles_none(
    deployment: Deployment, rays: Callable[[LocalRay], LocalRay]
) -> None:
    first = rays(LocalRay(1, TOKEN))
    with pytest.raises(RayError):
        await asyncio.to_thread(deployment.run, first, at={", published: ": lambda: kill_head(first)})
    before = await deployment.releases()
    assert 1 <= sum(before.values()) < len(SYSTEMS), deployment.lines
    result = await asyncio.to_thread(deployment.run, rays(LocalRay(1, TOKEN)))
    outcomes = Counter(each["outcome"] for each in result.report["targets"])
    assert outcomes == {"nothing to do": len(before), "published": len(SYSTEMS) - len(before)}
    assert await deployment.releases() == dict.fromkeys(SYSTEMS, 1)


async def test_an_autoscaler_starts_nodes_for_the_targets_and_ends_them(
    deployment: Deployment, rays: Callable[[LocalRay], LocalRay], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOSCALER_UPDATE_INTERVAL_S", "1")
    monkeypatch.setenv("RAY_FAKE_CLUSTER", "1")
    ray = rays(ScalingRay(2, TOKEN))
    await until(lambda: nodes(ray) == 1)
    most: list[int] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.5):
            most.append(nodes(ray))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        result = await asyncio.to_thread(deployment.run, ray)
    finally:
        ended.set()
        watcher.join()
    assert result.report["published"] == len(SYSTEMS)
    assert max(most) == 3, "the head, and as many nodes as it may have"
    await until(lambda: nodes(ray) == 1)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition; fail where it stays false."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(1)


def nodes(ray: LocalRay) -> int:
    """The nodes of a Ray that are alive."""
    request = urllib.request.Request(f"{ray.address}/nodes?view=summary", headers={"Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        summary = msgspec.json.decode(answer.read())["data"]["summary"]
    return sum(each["raylet"]["state"] == "ALIVE" for each in summary)
