"""The incidents worker as a process, on Apache Kafka."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import msgspec
import pytest
from msgspec.structs import replace

from fusionlog.records import Anomaly, Incident
from tests.agents.stage import Stage, Worker, until
from tests.explanation.factories import make_explanation
from tests.factories import make_anomaly
from tests.workers.dead_letters import read_headers

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

SECONDS = 120.0
CAUSES = ("disk failed", "login refused", "payment error")


def anomalies(many: int, first: int = 0) -> list[Anomaly]:
    """So many anomalies of each cause, in many sessions, so in all partitions."""
    now = time.time()
    return [
        make_anomaly(cause, first_offset=1000 * place + number, started=now - 1, ended=now)
        for number in range(first, first + many)
        for place, cause in enumerate(CAUSES)
    ]


async def written(stage: Stage) -> list[Incident]:
    """All records of incidents, in their order."""
    found = await stage.records(stage.settings.topics.incidents)
    return [msgspec.json.decode(record.value, type=Incident) for record in found if record.value]


async def counted(stage: Stage, expected: Sequence[Anomaly], worker: Worker) -> dict[str, Incident]:
    """The present incidents, once these anomalies, and no others, are in them."""
    ids = sorted(each.id for each in expected)

    async def all_are() -> bool:
        present = {each.id: each for each in await written(stage)}
        return sorted(id for each in present.values() for id in each.anomaly_ids) == ids

    await until(all_are, SECONDS, lambda: worker.log.read_text()[-3000:])
    return {each.id: each for each in await written(stage)}


async def changed(stage: Stage, check: Callable[[Incident], bool], worker: Worker) -> Incident:
    """The first record that is as it should be."""

    async def some() -> bool:
        return any(map(check, await written(stage)))

    await until(some, SECONDS, lambda: worker.log.read_text()[-3000:])
    return next(filter(check, await written(stage)))


async def test_killed_replayed_and_taken_over_it_opens_nothing_twice(stage_without_model: Stage) -> None:
    stage, topic = stage_without_model, stage_without_model.settings.topics.anomalies
    never = {"FUSIONLOG_INGEST__COMMIT_SECONDS": "600"}
    first = anomalies(30)
    await stage.publish(topic, *first)
    worker = await stage.worker("incidents", **never)
    found = await counted(stage, first, worker)
    assert sorted(each.anomalies for each in found.values()) == [30, 30, 30]
    await worker.kill()

    worker = await stage.worker("incidents", **never)
    more = anomalies(5, first=30)
    await stage.publish_raw(topic, b"{broken")
    await stage.publish(topic, *first[:10], *more, replace(first[0], withdrawn=True))
    left = [each for each in (*first, *more) if each.id != first[0].id]
    assert (await counted(stage, left, worker)).keys() == found.keys()

    standby = await stage.worker("incidents")
    await until(lambda: "started" in standby.log.read_text(), SECONDS, standby.log.read_text)
    await worker.kill()
    last = anomalies(5, first=40)
    await stage.publish(topic, *last)
    assert (await counted(stage, [*left, *last], standby)).keys() == found.keys()
    assert sum(each.change == "opened" for each in await written(stage)) == len(CAUSES)
    letters = [read_headers(each.headers) for each in await stage.records(stage.settings.topics.deadletter)]
    assert {(each["stage"], each["reason"]) for each in letters} == {("incidents", "not-json")}
    assert standby.metrics()["fusionlog_incidents_open"] == len(CAUSES)
    assert await standby.stop() == 0


async def test_it_resolves_reopens_and_takes_the_explanation(stage_without_model: Stage) -> None:
    stage, topics = stage_without_model, stage_without_model.settings.topics
    one, two = anomalies(1)[0], anomalies(1, first=1)[0]
    worker = await stage.worker("incidents", FUSIONLOG_INCIDENTS__QUIET_SECONDS="1")
    await stage.publish(topics.anomalies, one)
    resolved = await changed(stage, lambda each: each.change == "resolved", worker)
    await stage.publish(topics.explanations, replace(make_explanation(one), incident=resolved.id))
    explained = await changed(stage, lambda each: each.change == "explained", worker)
    assert explained.explanation is not None and explained.status == "resolved"
    await stage.publish(topics.anomalies, two)
    again = await changed(stage, lambda each: each.change == "reopened", worker)
    assert (again.id, again.status, again.anomalies) == (resolved.id, "open", 2)
    assert again.explanation == explained.explanation
    assert await worker.stop() == 0
