"""The same lines have the same anomalies: the workers on Apache Kafka, at any speed, live and from a backlog."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from fusionlog.kafka.client import options
from fusionlog.records import Anomaly
from tests.agents.stage import Stage, Worker, until
from tests.brokers import ApacheKafka
from tests.factories import make_regression

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

LINES = 4
"""Lines of a window."""
WINDOWS = 580
"""Of a system, in two raw partitions in turn: each has 200 windows for the teacher at least, a learning phase."""
SYSTEM = """
shop{number}:
  description: a shop
  window: {{by: count, size: 4}}
"""
ENV = {
    "FUSIONLOG_SECOND_OPINION__SHARE": "0.1", "FUSIONLOG_LOG_FORMAT": "console", "FUSIONLOG_SYSTEM": "",
}  # fmt: skip
Verdicts = dict[tuple[int, int], tuple[str, float, str, bool]]
"""By the place of a window's first line: who has the verdict, score, title, whether it is provisional."""


def lines() -> list[str]:
    """Windows for the teacher, windows that the model knows, and unusual ones of both, early and late."""
    found: list[str] = []
    for place in range(WINDOWS):
        usual = ["connection opened", "user greeted", "user bowed", "connection closed"]
        if place % 5 == 0:
            usual = ["connection opened", "connection closed"] * 2
        if place % 9 == 4:
            usual[2] = "user greeted"
        if place in (6, 33, 150, 291, 538):
            usual = ["connection opened", "user failed", "payment failed", "payment failed"]
        if place % 100 == 50:
            usual[1:3] = ["disk failed"] * 2
        found += usual
    return found


def make_stage(directory: Path, kafka: ApacheKafka, systems: int) -> Stage:
    extra = {name: value for name, value in ENV.items() if value}
    return Stage(
        directory, kafka.settings, "".join(SYSTEM.format(number=number) for number in range(systems)), extra
    )  # fmt: skip


async def write(stage: Stage, number: int, per_second: float | None) -> None:
    """Write the lines of a system, window by window, to two partitions in turn."""
    producer = AIOKafkaProducer(**options(stage.settings.kafka), linger_ms=5)
    await producer.start()
    topic, text = stage.settings.topics.raw(f"shop{number}").name, lines()
    acks = []
    for start in range(0, len(text), LINES):
        for line in text[start : start + LINES]:
            acks.append(await producer.send(topic, line.encode(), partition=start // LINES % 2))
        if per_second:
            await asyncio.sleep(LINES / per_second)
    await asyncio.gather(*acks)
    await producer.stop()


async def anomalies(stage: Stage, number: int) -> Verdicts:
    """The anomalies of a system: of each window the last record, unless it was withdrawn."""
    found: Verdicts = {}
    records = [
        msgspec.json.decode(each.value, type=Anomaly) for each in await stage.records(stage.settings.topics.anomalies)
    ]
    for each in {record.id: record for record in records if record.system == f"shop{number}"}.values():
        if not each.withdrawn:
            # The counts in a model's title are those of both partitions, in the order in which they were read.
            title = each.title if each.by == "teacher" else ""
            found[each.partition, each.first_offset] = (each.by, each.score, title, each.provisional)
    return found


async def finished(stage: Stage, systems: int, label: Worker, score: Worker) -> None:
    """Wait until all windows are made, and have their verdicts."""
    topics, expected = stage.settings.topics, systems * WINDOWS

    async def made() -> bool:
        return len({window.id for window in await stage.windows()}) == expected

    await until(made, 200, lambda: label.log.read_text()[-2000:])

    def done() -> bool:
        return label.lag(topics.proprietary.name) == score.lag(topics.general.name) == 0

    for _ in range(2):  # A window may be on its way back to the model.
        await until(done, 200, lambda: label.log.read_text()[-2000:])
        await asyncio.sleep(1.0)


@pytest.fixture
async def stages(apache_kafka: ApacheKafka, tmp_path: Path) -> AsyncIterator[list[Stage]]:
    found: list[Stage] = []
    yield found
    for stage in found:
        await stage.close()


async def reads(worker: Worker) -> None:
    """Wait until a worker has its partitions: of several that start at once none is quick."""
    await until(lambda: "partitions taken over" in worker.log.read_text(), 200, worker.log.read_text)


async def killed(stage: Stage, label: Worker, least: int, **env: str) -> Worker:
    """The label worker after one that was killed when it had labelled so many windows."""
    await reads(label)
    await until(lambda: label.metrics().get("fusionlog_windows_labelled", 0) > least, 120)
    await label.kill()
    return await stage.worker("label", **env)


async def run(stage: Stage, speeds: Sequence[float | None], kills: int = 0, **env: str) -> list[Verdicts]:
    """The anomalies of systems with the same lines, each written at a speed; None: before the workers start.

    :param kills: how often the label worker is killed while they come.
    """
    await stage.setup(model=False)
    await stage.publish(
        stage.settings.topics.models, stage.release(offline_teacher=make_regression(1.5, 1.0, 1.0, 1.0, -2.5))
    )
    backlog = [write(stage, number, None) for number, speed in enumerate(speeds) if speed is None]
    await asyncio.gather(*backlog)
    label, score, _ = [await stage.worker(role, **env) for role in ("label", "score", "ingest")]
    live = asyncio.gather(*(write(stage, number, speed) for number, speed in enumerate(speeds) if speed))
    for number in range(kills):
        label = await killed(stage, label, 60 * (number + 1), **env)
    await live
    await reads(label)
    await finished(stage, len(speeds), label, score)
    return [await anomalies(stage, number) for number in range(len(speeds))]


def check(found: Sequence[Verdicts]) -> None:
    expected = found[0]
    for each in found[1:]:
        assert each == expected
    assert {by for by, *_ in expected.values()} == {"model", "teacher"}
    assert not any(provisional for *_, provisional in expected.values())
    assert (538 % 2, 538 // 2 * LINES) in expected


async def test_anomalies_are_equal_at_any_speed_and_after_a_kill(
    stages: list[Stage], apache_kafka: ApacheKafka, tmp_path: Path
) -> None:
    stages.append(make_stage(tmp_path, apache_kafka, 3))
    check(await run(stages[0], [None, 400.0, 4000.0], kills=1))


@pytest.mark.long
async def test_anomalies_are_equal_in_twelve_runs(
    stages: list[Stage], apache_kafka: ApacheKafka, tmp_path: Path
) -> None:
    sizes = (("1", "0.05", "7"), ("20", "1", "5000"), ("5", "0.2", "100"))
    found: list[Verdicts] = []
    for number, (units, seconds, records) in enumerate(sizes):
        stages.append(make_stage(tmp_path / str(number), apache_kafka, 4))
        env = {
            "FUSIONLOG_LABEL__UNITS_PER_CALL": units, "FUSIONLOG_LABEL__WAIT_SECONDS": seconds,
            "FUSIONLOG_INGEST__POLL_RECORDS": records,
        }  # fmt: skip
        found += await run(stages[-1], [None, 200.0, 1000.0, 4000.0], kills=number, **env)
        await stages[-1].close()
    assert len(found) == 12
    check(found)
