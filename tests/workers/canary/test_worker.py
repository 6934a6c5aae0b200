"""What the canary sends, and when it fails and returns; the producer is a list, Kafka is not there."""

from __future__ import annotations

import asyncio
import time
from typing import Any, cast

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaTimeoutError
from aiokafka.structs import RecordMetadata
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from fusionlog.kafka.producer import Ack, Producer
from fusionlog.kafka.table_dead_letters import log_refused
from fusionlog.settings import Settings
from fusionlog.topics import CANARY, Topic
from fusionlog.workers.canary.arrivals import Arrival
from fusionlog.workers.canary.base import NO_BASE, KnownLinesTable
from fusionlog.workers.canary.known_lines import FOR_TEACHERS, KnownLines
from fusionlog.workers.canary.sessions import Session, session_of
from fusionlog.workers.canary.worker import FIND_SECONDS, SETTLE_SECONDS, CanaryWorker
from tests.observability.test_outage import Clock


class Written:
    """A producer whose records are in a list, or fail."""

    def __init__(self) -> None:
        self.records: list[tuple[str, bytes, str]] = []
        self.error: Exception | None = None

    async def send_raw(self, topic: Topic, key: bytes, value: bytes) -> Ack:
        ack: Ack = asyncio.get_running_loop().create_future()
        if self.error is not None:
            ack.set_exception(self.error)
            return ack
        self.records.append((topic.name, key, value.decode()))
        place = TopicPartition(topic.name, 1)
        ack.set_result(RecordMetadata(topic.name, 1, place, len(self.records) - 1, 0, 0, 0))
        return ack

    def sessions(self, kind: str) -> list[Session]:
        names = dict.fromkeys(line.split()[0] for _, _, line in self.records)
        return [found for name in names if (found := session_of(name)) and found.kind == kind]


class Known:
    """The lines of the table at its start; a test may change them."""

    def __init__(self, config: Settings) -> None:
        table = KnownLinesTable(config, lambda release: None, log_refused)
        self.lines, self.problem = table.lines, table.problem


class Stand:
    """A canary of a deployment without a small model, so that it needs no release."""

    def __init__(self, **settings: Any) -> None:
        self.clock, self.written = Clock(), Written()
        values: dict[str, Any] = {"method": "llm-only", "canary": {"seconds": 60}, **settings}
        config = Settings(kafka={"bootstrap_servers": "127.0.0.1:1"}, **values)
        self.known = Known(config)
        self.canary = CanaryWorker(
            config, cast("Producer", self.written), cast("KnownLinesTable", self.known), self.clock
        )

    async def send(self) -> Session:
        await self.canary.send(FOR_TEACHERS)
        return self.written.sessions("anomaly")[-1] if self.written.records else Session(0.0, "anomaly", "none")

    def comes(self, session: Session, ago: float = 0.0) -> None:
        self.canary.arrived(Arrival(session, time.time() - ago, "base-1"))

    @property
    def stuck(self) -> object:
        return self.canary.report()["stuck"]


def gauge(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"fusionlog_canary_{name}", {"system": CANARY, **labels})


async def test_both_sessions_go_to_one_partition_of_the_canarys_own_topic() -> None:
    stand = Stand()
    await stand.send()
    assert {(topic, key) for topic, key, _ in stand.written.records} == {
        (f"logs.raw.{CANARY}", stand.written.records[0][1])
    }
    texts = [line.split(" ", 1)[1] for _, _, line in stand.written.records]
    assert texts == [FOR_TEACHERS.normal] * 2 + [FOR_TEACHERS.anomaly] * 2


async def test_a_late_anomaly_is_one_line_in_the_log_and_so_is_its_return() -> None:
    stand = Stand()
    with capture_logs() as logs:
        session = await stand.send()
        await stand.canary.check()
        assert stand.stuck is None and stand.canary.problem is None and not logs
        stand.clock.now += 31.0
        for _ in range(3):
            await stand.canary.check()
            stand.clock.now += FIND_SECONDS + 1.0
        assert stand.stuck == "unknown" and gauge("up", stage="unknown") == 0.0
        assert "where it got stuck is not known: Kafka at 127.0.0.1:1" in str(stand.canary.problem)
        stand.comes(session)
        await stand.canary.check()
    assert stand.canary.problem is None and gauge("up", stage="") == 1.0 and gauge("up", stage="unknown") is None
    assert gauge("age_seconds") == 0.0 and gauge("latency_seconds") == 64.0
    assert [(line["event"], line["log_level"]) for line in logs] == [
        ("the canary fails", "error"), ("the canary comes through again", "info"),
    ]  # fmt: skip
    assert logs[1]["failed_seconds"] == 33.0


async def test_lines_that_kafka_refuses_are_a_failure_at_once_that_ends_when_an_anomaly_comes() -> None:
    stand = Stand()
    stand.written.error = KafkaTimeoutError()
    await stand.send()
    await stand.canary.check()
    assert stand.stuck == "kafka" and "Kafka did not take its lines" in str(stand.canary.problem)
    stand.written.error = None
    session = await stand.send()
    await stand.canary.check()
    assert stand.stuck == "kafka", "nothing has come through since"
    stand.clock.now += 1.0
    stand.comes(session)
    await stand.canary.check()
    assert stand.stuck is None


async def test_a_known_normal_session_that_is_an_anomaly_is_a_failure_and_counted_once() -> None:
    stand = Stand()
    before = gauge("false_alarms_total") or 0.0
    await stand.send()
    (normal,) = stand.written.sessions("normal")
    for _ in range(2):
        stand.comes(normal)
    stand.comes(Session(time.time() - 3000.0, "normal", "before the start"), ago=3000.0)
    await stand.canary.check()
    assert stand.stuck == "normal" and normal.name in str(stand.canary.problem)
    assert gauge("false_alarms_total") == before + 1


async def test_after_a_new_base_nothing_is_sent_for_a_while_and_what_was_sent_is_not_waited_for() -> None:
    stand = Stand()
    assert stand.canary.lines_now() == FOR_TEACHERS
    await stand.send()
    stand.known.lines = KnownLines("disk failed", "connection opened", "base-2")
    stand.clock.now += 10.0
    await stand.canary.check()
    assert stand.canary.lines_now() is None
    stand.clock.now += SETTLE_SECONDS - 1.0
    assert stand.canary.lines_now() is None
    stand.clock.now += 1.0
    assert stand.canary.lines_now() == stand.known.lines
    (normal,) = stand.written.sessions("normal")
    stand.comes(normal)
    stand.clock.now += 100.0
    await stand.canary.check()
    assert stand.stuck is None, "the old lines have no known verdict by the new base"


async def test_an_anomaly_of_before_a_restart_gives_the_age_and_ends_no_failure() -> None:
    stand = Stand()
    stand.comes(Session(time.time() - 90.0, "anomaly", "before"), ago=90.0)
    assert stand.canary.report()["age_seconds"] == pytest.approx(90.0, abs=5.0)
    assert stand.canary.report()["latency_seconds"] is None


async def test_without_a_base_nothing_is_sent_and_the_failure_names_the_command() -> None:
    stand = Stand(method="fusionlog")
    await stand.canary.check()
    assert stand.stuck == "model" and NO_BASE in str(stand.canary.problem)
