"""The explain worker as a process, on Apache Kafka, with an LLM over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import msgspec
import pytest
from typer.testing import CliRunner

from fusionlog.cli.main import app
from fusionlog.records import Anomaly, Explanation
from tests.agents.stage import Stage, Worker, until
from tests.explanation.factories import BARE_OBJECT, but, explaining_endpoint
from tests.factories import make_anomaly
from tests.teachers.fake_endpoint import FakeEndpoint, Reply
from tests.workers.dead_letters import read_headers

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


@pytest.fixture
def endpoint() -> Iterator[FakeEndpoint]:
    with explaining_endpoint() as server:
        yield server


def scored(*scores: float) -> list[Anomaly]:
    """Anomalies of one session each, all of different shapes."""
    return [
        make_anomaly(f"disk {number}", "disk failed", score=score, first_offset=10 * number)
        for number, score in enumerate(scores)
    ]


async def explainer(stage: Stage, endpoint: FakeEndpoint, **env: str) -> Worker:
    settings = {"FUSIONLOG_LABEL__URL": endpoint.url, "FUSIONLOG_LABEL__RETRIES": "0", **env}
    worker = await stage.worker("explain", **settings)
    await worker.logged("started")
    return worker


async def explanations(stage: Stage) -> list[Explanation]:
    found = await stage.records(stage.settings.topics.explanations)
    return [msgspec.json.decode(record.value, type=Explanation) for record in found]


async def explained(stage: Stage, count: int, worker: Worker) -> list[Explanation]:
    """The explanations, once they are of so many shapes: one in the making when its partition moves may come twice."""

    async def enough() -> bool:
        return len({each.shape for each in await explanations(stage)}) >= count

    await until(enough, 30, lambda: worker.log.read_text()[-3000:])
    return await explanations(stage)


async def test_anomalies_are_explained_and_shown_and_refused_answers_are_dead_letters(
    stage_without_model: Stage, endpoint: FakeEndpoint
) -> None:
    stage, topics = stage_without_model, stage_without_model.settings.topics
    endpoint.script = [but(evidence=[7])] * 3
    first, second = scored(0.9, 0.8)
    await stage.publish(topics.anomalies, first)
    worker = await explainer(stage, endpoint)
    await worker.logged("gave no usable explanation in 3 calls: its evidence names event 7")
    await stage.publish_raw(topics.anomalies, b"{broken")
    await stage.publish(topics.anomalies, second, msgspec.structs.replace(second, id="again"))
    (found,) = await explained(stage, 1, worker)
    assert (found.anomaly, found.explained_by, found.calls) == (second.id, "llm:gpt-4o-mini", 1)
    assert [line.line for line in found.evidence] == ["disk failed"]

    async def settled() -> bool:
        return worker.metrics().get("fusionlog_anomalies_explained") == 4

    await until(settled, 10)
    counted = worker.metrics()
    assert (counted["fusionlog_explanations_asked"], counted["fusionlog_explanations_refused"]) == (2, 3)
    assert (counted["fusionlog_explanation_tokens"], counted["fusionlog_explanations_waiting"]) == (110, 0)
    letters = [(record.value, read_headers(record.headers)) for record in await stage.records(topics.deadletter)]
    assert {(value == b"{broken", said["stage"], said["reason"]) for value, said in letters} == {
        (True, "explain", "not-json"), (False, "explain", "no-explanation"),
    }  # fmt: skip
    shown = await asyncio.to_thread(CliRunner(env=stage.env).invoke, app, ["explanations", "--system", "shop"])
    assert shown.exit_code == 0 and "look at the disk" in shown.stdout and "1 x disk failed" in shown.stdout
    assert await worker.stop() == 0


async def test_killed_and_started_again_it_asks_about_no_shape_twice_and_keeps_to_the_hours_calls(
    stage_without_model: Stage, endpoint: FakeEndpoint
) -> None:
    stage, topics = stage_without_model, stage_without_model.settings.topics
    calls = {"FUSIONLOG_EXPLAIN__CALLS_PER_HOUR": "3"}
    await stage.publish(topics.anomalies, *scored(0.6, 0.7, 0.8, 0.9, 0.95))
    worker = await explainer(stage, endpoint, **calls)
    assert len(await explained(stage, 3, worker)) == 3
    await worker.kill()
    worker = await explainer(stage, endpoint, **calls)
    await until(lambda: worker.metrics().get("fusionlog_explanations_waiting") == 2, 30, worker.log.read_text)
    assert worker.metrics()["fusionlog_explanation_calls_left"] == 0 and len(endpoint.requests) == 3
    await worker.kill()
    worker = await explainer(stage, endpoint)
    found = await explained(stage, 5, worker)
    assert len(endpoint.requests) == 5 and len({each.shape for each in found}) == 5, "none was lost, none asked twice"
    assert await worker.stop() == 0


async def test_a_second_worker_takes_over_a_share_and_none_is_lost(
    stage_without_model: Stage, endpoint: FakeEndpoint
) -> None:
    stage, topics = stage_without_model, stage_without_model.settings.topics
    endpoint.otherwise = Reply(change=BARE_OBJECT.change, seconds=2.0)
    await stage.publish(topics.anomalies, *scored(*(0.5 + number / 100 for number in range(40))))
    first = await explainer(stage, endpoint, FUSIONLOG_EXPLAIN__CALLS_PER_HOUR="100")
    await explained(stage, 3, first)
    second = await explainer(stage, endpoint, FUSIONLOG_EXPLAIN__CALLS_PER_HOUR="100")
    endpoint.otherwise = Reply(change=BARE_OBJECT.change, seconds=0.25)
    found = await explained(stage, 40, second)
    assert len({each.shape for each in found}) == 40 and len(endpoint.requests) <= 44, "each was asked about once"
    assert second.metrics().get("fusionlog_explanations_asked", 0) > 0
    assert [await each.stop() for each in (first, second)] == [0, 0]


async def test_an_llm_without_credit_loses_nothing(stage_without_model: Stage, endpoint: FakeEndpoint) -> None:
    stage = stage_without_model
    endpoint.otherwise = Reply(status=402, error={"message": "no", "type": "x"})
    await stage.publish(stage.settings.topics.anomalies, *scored(0.6, 0.9))
    worker = await explainer(stage, endpoint, FUSIONLOG_LABEL__BREAKER_SECONDS="0.5")
    await worker.logged("the account is out of credit")
    await worker.logged("the endpoint is left alone")
    endpoint.otherwise = but()
    assert len(await explained(stage, 2, worker)) == 2
    assert await stage.records(stage.settings.topics.deadletter) == []
    assert await worker.stop() == 0


async def test_without_an_endpoint_it_says_what_to_set(stage_without_model: Stage) -> None:
    worker = await stage_without_model.worker("explain")
    assert await worker.ended() == 2
    assert "FUSIONLOG_LABEL__URL" in worker.log.read_text() and "Traceback" not in worker.log.read_text()
