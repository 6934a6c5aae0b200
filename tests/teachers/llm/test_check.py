"""The check of an endpoint, against fakes of what such servers do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fusionlog.teachers.llm.check import EndpointCheck, check
from fusionlog.teachers.llm.teacher import LLMTeacher
from tests.teachers.factories import Clock, make_settings, make_unit
from tests.teachers.fake_endpoint import PROSE, FakeEndpoint, Reply, units_of


async def checked(endpoint: FakeEndpoint, **fields: Any) -> EndpointCheck:
    clock = Clock()
    teacher = LLMTeacher(make_settings(endpoint.url, **{"retries": 4, **fields}), clock=clock, sleep=clock.sleep)
    try:
        found = await check(teacher)
    finally:
        await teacher.close()
    assert found.requests == len(endpoint.requests) <= 12
    assert "\n" not in found.reason
    return found


async def test_an_endpoint_that_does_all_takes_one_request(endpoint: FakeEndpoint) -> None:
    found = await checked(endpoint)
    assert (found.usable, found.answered, found.requests) == (True, 6, 1)
    assert (found.format, found.system_role, found.tokens) == ("json_schema", True, 110)
    assert "answered 6 of 6 made-up windows (json_schema, with a system role)" in found.reason


async def test_what_it_can_do_is_found_out(endpoint: FakeEndpoint) -> None:
    def old(request: dict[str, Any]) -> Reply | None:
        if "response_format" in request:
            return Reply(status=500, error={"message": "response_format is not supported"})
        if request["messages"][0]["role"] == "system":
            return Reply(status=400, error={"message": "System role not supported"})
        return None if len(units_of(request)) <= 2 else Reply(status=500, error={"message": "Context size exceeded"})

    endpoint.accepts, endpoint.otherwise = old, PROSE
    found = await checked(endpoint)
    assert (found.usable, found.answered, found.format, found.system_role) == (True, 6, "plain", False)


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(status=401, error={"message": "Incorrect API key"}), "answers 401: Incorrect API key; set FUSIONLOG_"),
        (Reply(status=404, error={"message": "model tiny not found"}), "FUSIONLOG_LABEL__MODEL"),
        (Reply(status=400, error={"message": "computer says no"}), "answers 400: computer says no"),
        (Reply(status=422, error={"message": "bad"}), "answers 422: bad"),
        (Reply(status=500), "answers 500"),
        (Reply(status=501), "answers 501"),
        (Reply(status=503), "answers 503"),
        (Reply(status=429, headers={"Retry-After": "100000"}), "answers 429"),
        (Reply(status=429, headers={"Retry-After": "0"}), "answers 429"),
        (Reply(status=413), "answers 413"),
        (Reply(status=500, error={"message": "Context size has been exceeded."}), "Context size"),
        (Reply(page=True), "not a chat completion"),
        (Reply(hang_up=True), "cannot be reached"),
        (Reply(seconds=0.5), "gives no answer within 0.2 s"),
        (Reply(change=lambda answers: ""), "the answer is empty"),
        (Reply(change=lambda answers: "I am sorry, Dave"), "it begins 'I am sorry, Dave'"),
        (
            Reply(change=lambda answers: {"answers": [{**each, "label": "odd"} for each in answers]}),
            "neither normal nor",
        ),
        (Reply(change=lambda answers: [{**each, "events": []} for each in answers]), "no answer has the ids"),
        (Reply(body=b'{"choices": [{"message": null, "finish_reason": "stop"}]}'), "finish reason 'stop'"),
        (Reply(body=b" " * 5_000_000), "more than 4194304 bytes"),
        (Reply(status=307, headers={"Location": "http://localhost:1/"}, body=b""), "a redirect to localhost"),
    ],
)
async def test_an_endpoint_of_no_use_is_known_by_its_sentence(endpoint: FakeEndpoint, reply: Reply, says: str) -> None:
    endpoint.otherwise = reply
    found = await checked(endpoint, timeout=0.2 if reply.seconds else 5.0)
    assert (found.usable, found.answered, found.format, found.system_role) == (False, 0, None, None)
    assert says in found.reason


async def test_the_requests_of_a_check_count_and_what_it_learns_stays(endpoint: FakeEndpoint) -> None:
    endpoint.accepts = lambda request: {"message": "response_format?"} if "response_format" in request else None
    teacher = LLMTeacher(make_settings(endpoint.url, calls_per_hour=10))
    found = await check(teacher)
    await teacher.label([make_unit("a")])
    await teacher.close()
    assert found.requests == 3 and teacher.endpoint.budget.left == 6
    assert len(endpoint.requests) == 4 and "response_format" not in endpoint.requests[-1]


def test_the_made_up_windows_are_of_no_system(endpoint: FakeEndpoint) -> None:
    import asyncio

    asyncio.run(checked(endpoint))
    assert {unit["system"] for unit in endpoint.units(0)} == {"made-up"}
    json.dumps(endpoint.requests[0])


async def test_a_model_that_answers_one_window_at_a_time_is_of_use(endpoint: FakeEndpoint) -> None:
    muddle = Reply(change=lambda answers: [{**answers[0], "events": [e for each in answers for e in each["events"]]}])
    endpoint.accepts = lambda request: muddle if len(units_of(request)) > 1 else None
    found = await checked(endpoint)
    assert (found.usable, found.answered, found.format) == (True, 6, "json_schema")
