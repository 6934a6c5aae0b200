"""An ingest worker when its systems file changes, with a consumer in place of Kafka's."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from agents import ingest
from agents.ingest import IngestWork
from fusionlog.errors import BrokerError
from fusionlog.kafka import systems_reload
from fusionlog.kafka.admin import Problem
from fusionlog.settings import Settings


class Consumer:
    """A member of the group: reads until it is stopped, or fails."""

    def __init__(self, settings: Settings, steps: list[str]) -> None:
        self.systems, self._steps, self._stopped = sorted(settings.systems), steps, asyncio.Event()
        self.failure: Exception | None = None

    async def start(self) -> None:
        self._steps.append(f"joins for {' '.join(self.systems)}")

    async def run(self) -> None:
        await self._stopped.wait()
        if self.failure is not None:
            raise self.failure

    async def stop(self) -> None:
        self._steps.append(f"leaves {' '.join(self.systems)}")
        self._stopped.set()

    def fail(self, error: Exception) -> None:
        self.failure = error
        self._stopped.set()


class Bench:
    """An ingest worker on a systems file, and what its consumers do."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.file = directory / "systems.yaml"
        self.file.write_text("shop:\n")
        self.settings = Settings(systems_file=self.file)
        self.steps: list[str] = []
        self.consumers: list[Consumer] = []
        self.problems: list[Problem] = []
        self.ready = True
        self.work = IngestWork(self.settings, "ingest")
        self.work._tables = self  # type: ignore[assignment]
        self.rules = SimpleNamespace(model=True)
        monkeypatch.setattr(systems_reload, "EVERY_SECONDS", 0.0)
        monkeypatch.setattr(ingest, "read_all", self._nothing)
        monkeypatch.setattr(ingest, "check_topics", self._check)
        monkeypatch.setattr(ingest, "raw_consumer", self._consumer)

    def of(self, system: str) -> Bench:
        return self

    async def until_ready(self) -> None: ...

    def change(self, text: str) -> None:
        self.file.write_text(text)
        systems_reload.reread(self.settings)

    async def until_joined(self, number: int) -> None:
        async with asyncio.timeout(10):
            while sum(step.startswith("joins") for step in self.steps) < number:
                await asyncio.sleep(0)

    async def _nothing(self, *_: object, **__: object) -> list[object]:
        return []

    async def _check(self, settings: Settings, role: str) -> list[Problem]:
        await asyncio.sleep(0)
        return self.problems

    def _consumer(self, settings: Settings, pipeline: object, health: object) -> Consumer:
        self.consumers.append(Consumer(settings, self.steps))
        return self.consumers[-1]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    yield Bench(tmp_path, monkeypatch)


async def test_the_consumer_leaves_before_the_next_one_joins_for_the_new_systems(bench: Bench) -> None:
    reading = asyncio.create_task(bench.work.read())
    await bench.until_joined(1)
    bench.change("shop:\nmill:\n")
    await bench.until_joined(2)
    bench.change("mill:\n")
    await bench.until_joined(3)
    assert bench.steps == ["joins for shop", "leaves shop", "joins for mill shop", "leaves mill shop", "joins for mill"]
    await bench.work.leave()
    await asyncio.wait_for(reading, 10)
    assert bench.steps[-1] == "leaves mill", "a worker that stops joins no more"


async def test_a_consumer_that_fails_ends_the_reading(bench: Bench) -> None:
    reading = asyncio.create_task(bench.work.read())
    await bench.until_joined(1)
    bench.consumers[0].fail(BrokerError("Kafka is gone"))
    with pytest.raises(BrokerError, match="Kafka is gone"):
        await asyncio.wait_for(reading, 10)


async def test_a_reading_that_is_cancelled_leaves_no_task(bench: Bench) -> None:
    reading = asyncio.create_task(bench.work.read())
    await bench.until_joined(1)
    before = asyncio.all_tasks()
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    assert {task for task in before if not task.done()} == {asyncio.current_task()}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("shop:\nmill:\n", "topic logs.raw.mill does not exist: create it with  fusionlog topics create"),
        ("shop:\nmill: {header: '<Level>'}\n", "mill"),
    ],
)
async def test_what_stands_in_the_way_of_new_systems_is_logged_and_the_old_ones_are_read(
    bench: Bench, text: str, why: str
) -> None:
    bench.problems = [Problem("logs.raw.mill", "does not exist: create it with  fusionlog topics create")]
    reading = asyncio.create_task(bench.work.read())
    await bench.until_joined(1)
    with capture_logs() as logs:
        bench.change(text)
        async with asyncio.timeout(10):
            while len(logs) < 2:
                await asyncio.sleep(0)
        for _ in range(20):
            await asyncio.sleep(0)
    (refused,) = [each for each in logs if each["log_level"] == "warning"]
    assert why in refused["why"] and bench.steps == ["joins for shop"]
    bench.problems = []
    bench.change("shop:\nmill: {}\n")
    await bench.until_joined(2)
    await bench.work.leave()
    await asyncio.wait_for(reading, 10)


async def test_a_new_system_waits_for_a_model(bench: Bench) -> None:
    reading = asyncio.create_task(bench.work.read())
    await bench.until_joined(1)
    bench.ready = False
    with capture_logs() as logs:
        bench.change("shop:\nmill:\n")
        async with asyncio.timeout(10):
            while len(logs) < 2:
                await asyncio.sleep(0)
    assert "mill has no model" in logs[-1]["why"] and bench.steps == ["joins for shop"]
    bench.ready = True
    await bench.until_joined(2)
    await bench.work.leave()
    await asyncio.wait_for(reading, 10)
