"""Asking a misbehaving endpoint for explanations, over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from fusionlog.errors import TeacherError
from fusionlog.explanation.explainer import ATTEMPTS, Explainer
from fusionlog.records import Anomaly, Explanation
from fusionlog.settings import ExplainSettings, Settings, SystemSettings
from fusionlog.teachers.recorded.chat import RecordedTeacher
from fusionlog.teachers.recorded.recordings import read_recordings
from fusionlog.teachers.recorded.server import InjectedFaults, serving
from tests.explanation.factories import BARE_OBJECT, asked, but, explaining_endpoint
from tests.factories import make_anomaly
from tests.teachers.factories import Clock, make_rows, make_settings, write_rows
from tests.teachers.fake_endpoint import FakeEndpoint, Reply

SHOP = SystemSettings(description="a shop", policy="alert on failures")
FAILED = make_anomaly("disk opened", "disk failed for 10.1.2.3", "disk failed for 10.1.2.3")
QUOTA = Reply(status=429, error={"message": "no", "type": "insufficient_quota", "code": "insufficient_quota"})


@pytest.fixture
def endpoint() -> Iterator[FakeEndpoint]:
    with explaining_endpoint() as server:
        yield server


@asynccontextmanager
async def explainer_at(url: str, clock: Clock | None = None, **fields: Any) -> AsyncIterator[Explainer]:
    clock = clock or Clock()
    settings = Settings(label=make_settings(url, retries=0), explain=ExplainSettings(**fields))
    explainer = Explainer(settings, clock=clock, sleep=clock.sleep)
    try:
        yield explainer
    finally:
        await explainer.close()


async def explain(endpoint: FakeEndpoint, anomaly: Anomaly = FAILED, **fields: Any) -> Explanation:
    async with explainer_at(endpoint.url, **fields) as explainer:
        return await explainer.explain(anomaly, SHOP)


async def test_an_explanation_has_cause_lines_next_step_and_what_it_cost(endpoint: FakeEndpoint) -> None:
    found = await explain(endpoint)
    assert (found.cause, found.next_step, found.explained_by) == ("event 2 tells of it", "look at the disk", "llm:tiny")
    assert [(line.line, line.count) for line in found.evidence] == [("disk failed for 10.1.2.3", 2)]
    assert (found.system, found.shape, found.anomaly, found.score) == ("shop", FAILED.shape, FAILED.id, 0.9)
    assert (found.calls, found.tokens) == (1, 110)
    (request,) = endpoint.requests
    assert "alert on failures" in request["messages"][0]["content"]
    assert [event["text"] for event in asked(request)["events"]] == ["disk opened", "disk failed for host-1"]
    assert request["response_format"]["json_schema"]["name"] == "explanation"
    assert request["response_format"]["json_schema"]["strict"] is True


@pytest.mark.parametrize("evidence", [True, False])
async def test_what_is_unusual_is_sent_where_evidence_is_on(endpoint: FakeEndpoint, evidence: bool) -> None:
    settings = Settings(label=make_settings(endpoint.url, evidence=evidence))
    explainer = Explainer(settings)
    await explainer.explain(replace(FAILED, unusual=["it ends early"]), SHOP)
    await explainer.close()
    (request,) = endpoint.requests
    assert asked(request)["found"].get("unusual") == (["it ends early"] if evidence else None)


async def test_names_are_sent_as_pseudonyms_and_mapped_back(endpoint: FakeEndpoint) -> None:
    endpoint.script = [but(root_cause="the disk of host-1 is full", next_step="empty host-1")]
    found = await explain(endpoint)
    assert (found.cause, found.next_step) == ("the disk of 10.1.2.3 is full", "empty 10.1.2.3")
    assert "10.1.2.3" not in str(endpoint.requests)


async def test_evidence_that_is_not_in_the_window_is_asked_for_again_with_the_reason(endpoint: FakeEndpoint) -> None:
    endpoint.script = [but(evidence=[9]), but(evidence=[])]
    found = await explain(endpoint)
    assert (found.calls, found.tokens, found.evidence[0].line) == (3, 330, "disk failed for 10.1.2.3")
    before = [request["messages"][1]["content"].splitlines()[0] for request in endpoint.requests]
    assert before[1:] == [
        "Your last answer cannot be used: its evidence names event 9, and the session has events 1 to 2.",
        "Your last answer cannot be used: it names no event as evidence.",
    ]


async def test_an_endpoint_that_never_keeps_to_the_form_is_left_alone_and_the_anomaly_waits(
    endpoint: FakeEndpoint,
) -> None:
    clock = Clock()
    async with explainer_at(endpoint.url, clock) as explainer:

        async def refused() -> int:
            with pytest.raises(TeacherError, match=r"answers 200 with nothing usable: .*root_cause") as caught:
                await explainer.explain(FAILED, SHOP)
            assert caught.value.retry_after is not None
            return len(endpoint.requests)

        endpoint.otherwise = but(root_cause=None)
        assert await refused() == ATTEMPTS + 1, "the last one is made up"
        assert await refused() == ATTEMPTS + 1, "it is left alone"
        clock.now += 31
        assert await refused() == ATTEMPTS + 2, "a made-up anomaly tests it"
        endpoint.otherwise = BARE_OBJECT
        clock.now += 31
        assert (await explainer.explain(FAILED, SHOP)).cause == "event 2 tells of it"


async def test_an_anomaly_that_is_never_explained_is_given_up_where_others_are(endpoint: FakeEndpoint) -> None:
    def confused(request: dict[str, Any]) -> Reply | None:
        return but(root_cause=None) if asked(request)["system"] == "shop" else None

    endpoint.accepts = confused
    with pytest.raises(TeacherError, match=r"llm:tiny gave no usable explanation in 3 calls: .*root_cause") as caught:
        await explain(endpoint)
    assert caught.value.retry_after is None and len(endpoint.requests) == ATTEMPTS + 1


async def test_an_endpoint_without_schemas_is_asked_in_the_form_that_it_takes(endpoint: FakeEndpoint) -> None:
    endpoint.accepts = lambda request: {"message": "no response_format"} if "response_format" in request else None
    assert (await explain(endpoint)).calls == 3


@pytest.mark.parametrize(
    ("reply", "says"),
    [(QUOTA, "out of credit"), (Reply(status=500), "answers 500"), (Reply(page=True), "not a chat completion")],
)
async def test_an_endpoint_that_is_away_says_when_to_come_back(endpoint: FakeEndpoint, reply: Reply, says: str) -> None:
    endpoint.otherwise = reply
    async with explainer_at(endpoint.url, calls_per_hour=2) as explainer:
        with pytest.raises(TeacherError, match=says) as caught:
            await explainer.explain(FAILED, SHOP)
        assert caught.value.retry_after is not None and len(endpoint.requests) == 1
        assert explainer.budget("shop").left == 2, "a call that came to nothing is not one of the hour's"


async def test_a_request_that_is_refused_alone_is_given_up(endpoint: FakeEndpoint) -> None:
    async with explainer_at(endpoint.url) as explainer:
        await explainer.explain(FAILED, SHOP)
        endpoint.otherwise = Reply(status=400, error={"message": "content filter"})
        with pytest.raises(TeacherError, match="content filter") as caught:
            await explainer.explain(FAILED, SHOP)
    assert caught.value.retry_after is None


async def test_each_system_has_its_own_calls_and_another_model_may_explain(endpoint: FakeEndpoint) -> None:
    clock = Clock()
    async with explainer_at(endpoint.url, clock, calls_per_hour=1, model="wise") as explainer:
        found = await explainer.explain(FAILED, SHOP)
        with pytest.raises(TeacherError, match="raise FUSIONLOG_EXPLAIN__CALLS_PER_HOUR") as caught:
            await explainer.explain(FAILED, SHOP)
        await explainer.explain(make_anomaly("disk failed", system="mill"), SHOP)
        assert caught.value.retry_after == 3600 and explainer.budget("shop").left == 0
    assert found.explained_by == "llm:wise" and {request["model"] for request in endpoint.requests} == {"wise"}


async def test_a_recorded_teacher_explains(tmp_path: Path) -> None:
    replay = RecordedTeacher(read_recordings([write_rows(tmp_path / "verdicts.jsonl", make_rows())]))
    async with serving(replay, InjectedFaults(), "127.0.0.1", 0) as url, explainer_at(url) as explainer:
        one = await explainer.explain(make_anomaly("order 17 opened", "ledger 4 damaged badly"), SHOP)
        with pytest.raises(TeacherError, match="names no event as evidence"):
            await explainer.explain(make_anomaly("order 17 opened", "order 17 closed"), SHOP)
    assert (one.cause, [line.line for line in one.evidence]) == ("data lost", ["ledger 4 damaged badly"])
