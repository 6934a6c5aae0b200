"""The answers to the probes, from what the parts of a worker report."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest
from prometheus_client import REGISTRY

from fusionlog.observability.health import STALL_SECONDS, Health
from tests.observability.test_outage import Clock


def healthy(clock: Clock) -> Health:
    health = Health("score", clock=clock)
    health.kafka.back()
    health.tables_read = True
    health.assigned(2)
    health.lag = lambda: 7.0
    return health


def test_a_worker_is_unready_until_all_parts_are_there() -> None:
    health = Health("ingest", clock=Clock())
    assert (health.live().status, health.ready().status) == (200, 503)
    assert health.ready().body["reasons"] == [
        "Kafka is away: it was not reached yet",
        "the tables are not read yet",
        "the assignment of partitions is not known yet",
    ]
    health.kafka.back()
    health.tables_read = True
    assert health.ready().body["reasons"] == ["the assignment of partitions is not known yet"]
    health.assigned(0)
    assert health.ready().status == 200, "an empty assignment is one"
    health.assigned(None)
    assert health.ready().status == 503


def test_readiness_reports_model_teacher_verdict_and_lag() -> None:
    clock = Clock()
    health = healthy(clock)
    health.models, health.teacher = lambda: {"shop": "base-1"}, "llm:m"
    assert health.ready().body["last_verdict_seconds"] is None
    health.verdict()
    clock.now += 12.34
    body = health.ready().body
    assert (body["model"], body["teacher"], body["last_verdict_seconds"]) == ({"shop": "base-1"}, "llm:m", 12.3)
    assert (body["lag"], body["partitions"], body["ready"], body["degraded"]) == (7.0, 2, True, [])


def test_a_role_has_details_of_its_own() -> None:
    health = healthy(Clock())
    assert "canary" not in health.ready().body
    health.details["canary"] = lambda: {"age_seconds": 1.5}
    assert health.ready().body["canary"] == {"age_seconds": 1.5}


def test_the_provider_in_use_is_reported_and_a_metric() -> None:
    now = {"scorer": None, "encoder": "cuda"}
    health = healthy(Clock())
    for part in now:
        health.runs_on(part, partial(now.get, part))

    def series() -> list[float | None]:
        places = [(part, provider) for part in now for provider in ("cuda", "cpu")]
        names = [dict(zip(("part", "provider"), place, strict=True)) for place in places]
        return [REGISTRY.get_sample_value("fusionlog_provider_info", each) for each in names]

    assert (health.ready().body["providers"], series()) == (now, [0.0, 0.0, 1.0, 0.0])
    now |= {"scorer": "cpu", "encoder": "cpu"}
    assert (health.ready().body["providers"], series()) == (now, [0.0, 1.0, 0.0, 1.0])


def test_what_is_degraded_makes_no_worker_unready_or_dead() -> None:
    health = healthy(Clock())
    health.degradations += [lambda: "the LLM is away", lambda: None]
    health.lag = lambda: None
    assert health.ready().status == health.live().status == 200
    assert (health.ready().body["degraded"], health.ready().body["lag"]) == (["the LLM is away"], None)


def test_kafka_that_is_away_makes_a_worker_unready_and_not_dead() -> None:
    clock = Clock()
    health = healthy(clock)
    health.step()
    health.kafka.away("no answer in time")
    clock.now += 10 * STALL_SECONDS
    assert (health.live().status, health.ready().status) == (200, 503)
    assert health.ready().body["reasons"] == ["Kafka is away: no answer in time"]
    health.kafka.back()
    assert health.live().status == 200, "its time begins when Kafka is back"
    clock.now += STALL_SECONDS + 1
    assert health.live().status == 503


def test_a_reader_that_makes_no_step_is_dead_and_one_without_records_is_not() -> None:
    clock = Clock()
    health = healthy(clock)
    clock.now += STALL_SECONDS + 1
    with health.at_work():
        clock.now += STALL_SECONDS - 1
        assert health.live().status == 200
        health.step()
        clock.now += STALL_SECONDS + 1
        assert health.live().body["reasons"] == [f"the reader has made no step for {STALL_SECONDS + 1:.0f} s"]
    clock.now += 10 * STALL_SECONDS
    assert health.live().status == 200


async def test_a_background_task_that_ended_makes_a_worker_dead() -> None:
    async def follow() -> None:
        raise ValueError("math domain error")

    task = asyncio.create_task(follow(), name="table labels")
    health = healthy(Clock())
    health.tasks = [task]
    assert health.live().status == 200
    with pytest.raises(ValueError, match="math"):
        await task
    assert (health.live().status, health.live().body["reasons"]) == (503, ["table labels ended"])


def test_a_worker_that_stops_is_unready_and_not_dead() -> None:
    health = healthy(Clock())
    health.stopping = True
    assert (health.live().status, health.ready().body["reasons"]) == (200, ["the worker stops"])
