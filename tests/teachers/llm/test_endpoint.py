"""One call to an endpoint that answers well, late, badly or not at all: what is repeated, counted and said."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from prometheus_client import REGISTRY

from fusionlog.errors import SettingError, TeacherError
from fusionlog.settings import SecretUrl
from fusionlog.teachers.cost import Cost
from fusionlog.teachers.llm.budget import Budget
from fusionlog.teachers.llm.endpoint import Endpoint, RefusedError
from fusionlog.teachers.llm.reply import AnswerError
from fusionlog.teachers.llm.reply import Reply as Answer
from fusionlog.teachers.llm.usage import UNUSED, Usage
from tests.teachers.factories import Clock, make_settings
from tests.teachers.fake_endpoint import GOOD, FakeEndpoint, Reply, fake_endpoint

MESSAGES = [{"role": "user", "content": "[]"}]
BROKEN = Reply(status=500)


@pytest.fixture
def server() -> Iterator[FakeEndpoint]:
    with fake_endpoint() as started:
        yield started


Call = Callable[..., "Caller"]
"""Makes a caller of the settings' fields."""


@pytest.fixture
async def call(server: FakeEndpoint) -> AsyncIterator[Call]:
    made: list[Caller] = []

    def make(**fields: Any) -> Caller:
        made.append(Caller(server, **fields))
        return made[-1]

    yield make
    for each in made:
        await each.endpoint.close()


def text_of(answer: Answer) -> str:
    if not answer.texts:
        raise answer.error("")
    return answer.texts[0]


class Caller:
    """An endpoint whose pauses cost no time."""

    def __init__(self, server: FakeEndpoint, **fields: Any) -> None:
        self.server, self.clock = server, Clock()
        self.endpoint = Endpoint(make_settings(server.url, **fields), self.clock, self.clock.sleep)

    async def ask(self, *script: Reply, budget: Budget | None = None) -> str:
        self.server.script = list(script)
        return await self.endpoint.complete(MESSAGES, text_of, budget)

    async def fails(self, *script: Reply) -> TeacherError:
        with pytest.raises(TeacherError) as raised:
            await self.ask(*script)
        return raised.value


async def test_an_answer_costs_a_call_and_its_tokens(call: Call) -> None:
    caller = call()
    assert await caller.ask() == '{"answers": []}'
    assert caller.endpoint.cost == Cost(calls=1, prompt_tokens=100, completion_tokens=10)


async def test_every_request_counts_those_that_failed_too(call: Call) -> None:
    caller = call(retries=2, calls_per_hour=10)
    await caller.ask(BROKEN, Reply(hang_up=True), GOOD)
    assert caller.endpoint.cost.calls == 3 and caller.endpoint.budget.left == 7
    assert len(caller.clock.slept) == 2


async def test_after_the_last_repetition_it_says_how_often_and_when_to_come_back(call: Call) -> None:
    caller = call(retries=1, breaker_seconds=30.0)
    error = await caller.fails(BROKEN, BROKEN)
    assert "answers 500" in str(error) and "(2 calls)" in str(error) and error.retry_after == 30.0


async def test_a_long_wait_that_it_names_is_not_waited_for_in_place(call: Call, server: FakeEndpoint) -> None:
    caller = call(retries=5)
    error = await caller.fails(Reply(status=429, headers={"Retry-After": "900"}))
    assert error.retry_after == 900.0 and len(server.requests) == 1 and caller.clock.slept == []
    caller.clock.now += 899
    assert (await caller.fails()).retry_after == pytest.approx(1.0)
    assert len(server.requests) == 1, "the breaker is open until then"


@pytest.mark.parametrize(
    ("status", "error", "sentence"),
    [
        (401, {}, "FUSIONLOG_LABEL__API_KEY"),
        (402, {}, "out of credit"),
        (403, {}, "forbids this key"),
        (404, {}, "FUSIONLOG_LABEL__MODEL"),
        (429, {"code": "insufficient_quota"}, "out of credit"),
        (429, {"type": "insufficient_quota"}, "out of credit"),
    ],
)
async def test_what_a_repetition_cannot_mend_opens_the_breaker_at_once(
    call: Call, server: FakeEndpoint, status: int, error: dict[str, str], sentence: str
) -> None:
    caller = call(retries=5)
    denied = await caller.fails(Reply(status=status, error={"message": "no", **error}))
    assert sentence in str(denied) and len(server.requests) == 1
    assert sentence in str(await caller.fails()) and len(server.requests) == 1


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_a_bad_request_is_refused_and_the_next_one_is_made(call: Call, status: int) -> None:
    caller = call(breaker_failures=1)
    await caller.ask()  # it has settled on a dialect
    error = await caller.fails(Reply(status=status, error={"message": "too long"}))
    assert isinstance(error, RefusedError) and "too long" in str(error)
    assert await caller.ask() is not None


async def test_after_an_answer_that_took_too_long_the_next_one_is_bounded(call: Call, server: FakeEndpoint) -> None:
    await call(timeout=0.3).ask(Reply(seconds=0.6), GOOD)
    assert ["max_tokens" in request for request in server.requests] == [False, True]


async def test_a_bound_that_leaves_no_answer_is_lifted(call: Call, server: FakeEndpoint) -> None:
    cut = Reply(body=b'{"choices": [{"message": {"content": ""}, "finish_reason": "length"}]}')
    caller = call(timeout=0.3)
    await caller.ask(Reply(seconds=0.6), GOOD)
    assert isinstance(await caller.fails(cut), AnswerError)
    await caller.ask()
    assert ["max_tokens" in request for request in server.requests] == [False, True, True, False]


async def test_a_page_in_place_of_a_completion_is_a_failure(call: Call) -> None:
    error = await call(retries=0).fails(Reply(page=True))
    assert "not a chat completion" in str(error)


async def test_a_spent_budget_sends_nothing_and_another_budget_may_pay(call: Call, server: FakeEndpoint) -> None:
    caller = call(calls_per_hour=1)
    await caller.ask()
    assert (await caller.fails()).retry_after is not None
    assert len(server.requests) == 1
    other = Budget(1, caller.clock)
    assert await caller.ask(budget=other) is not None and other.left == 0


class Priced(Budget):
    """A budget that keeps what its calls were settled by."""

    def __init__(self) -> None:
        super().__init__(100, Clock())
        self.most, self.used = list[Usage](), list[Usage]()

    async def take(self, most: Usage) -> Priced:
        self.most.append(most)
        return self

    async def settle(self, usage: Usage) -> None:
        self.used.append(usage)


@pytest.mark.parametrize(
    ("reply", "estimated"),
    [
        (GOOD, False),
        (Reply(change=lambda answers: "not JSON"), False),
        (Reply(status=401), None),
        (Reply(status=400, error={"message": "too long"}), None),
        (BROKEN, None),
        (Reply(hang_up=True), None),
        (Reply(page=True), True),
        (Reply(seconds=0.6), True),
        (Reply(body=b'{"choices": [{"message": {"content": "normal"}}]}'), True),
    ],
)
async def test_a_call_is_charged_by_what_it_used_an_error_by_nothing(
    call: Call, reply: Reply, estimated: bool | None
) -> None:
    caller, budget = call(retries=0, timeout=0.3), Priced()
    with suppress(TeacherError):
        await caller.ask(reply, budget=budget)
    used = budget.used[0]
    assert len(budget.used) == len(budget.most) and budget.most[0].prompt_tokens > 0
    if estimated is None:
        assert used == UNUSED
    else:
        assert used.estimated is estimated and (used.prompt_tokens == 100 or estimated) and used.prompt_tokens > 0


async def test_the_dialect_that_was_answered_is_kept(call: Call, server: FakeEndpoint) -> None:
    server.accepts = lambda request: (
        {"message": "temperature is not supported"} if "temperature" in request
        else {"message": "no such response_format"} if "response_format" in request else None
    )  # fmt: skip
    caller = call(calls_per_hour=100)
    await caller.ask()
    tried = len(server.requests)
    assert tried > 2 and caller.endpoint.dialect.settled and not caller.endpoint.dialect.temperature
    await caller.ask()
    assert len(server.requests) == tried + 1


async def test_a_cancelled_call_is_no_failure_of_the_endpoint(call: Call, server: FakeEndpoint) -> None:
    caller = call(breaker_failures=1, retries=0)
    server.otherwise = Reply(seconds=0.5)
    task = asyncio.create_task(caller.ask())
    async with asyncio.timeout(10):
        while not server.requests:
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    server.otherwise = GOOD
    assert await caller.ask() is not None


@pytest.mark.parametrize("url", [None, "", "127.0.0.1:80", "ftp://host/v1", "http://", "http://host:port/v1"])
def test_a_url_that_is_none_names_its_setting(url: str | None) -> None:
    settings = make_settings("http://host/v1").model_copy(update={"url": None if url is None else SecretUrl(url)})
    with pytest.raises(SettingError, match="FUSIONLOG_LABEL__URL"):
        Endpoint(settings)


def test_messages_name_the_place_without_login_path_or_query() -> None:
    assert Endpoint(make_settings("https://me:hush@host:81/v1?k=hush")).place == "https://host:81"


async def test_a_wait_of_nothing_is_no_advice_and_pauses_grow(call: Call) -> None:
    caller = call(retries=4)
    gone = {"Retry-After": "Wed, 04 Mar 2020 10:11:12 GMT"}
    await caller.ask(*[Reply(status=429, headers=headers) for headers in ({"Retry-After": "0"}, gone) * 2], GOOD)
    assert caller.clock.slept == sorted(caller.clock.slept) and min(caller.clock.slept) > 0.2
    assert caller.clock.slept[-1] >= 2.0


async def test_a_wait_of_a_day_is_an_hour(call: Call) -> None:
    error = await call().fails(Reply(status=429, headers={"Retry-After": "100000"}))
    assert error.retry_after == 3600.0


async def test_an_endpoint_that_never_gives_a_usable_answer_is_left_alone(call: Call, server: FakeEndpoint) -> None:
    caller = call(breaker_failures=3)
    server.otherwise = Reply(change=lambda answers: "")
    for _ in range(3):
        assert isinstance(await caller.fails(), AnswerError)
    error = await caller.fails()
    assert error.retry_after == 30.0 and "answers 200 with nothing usable: the answer is empty" in str(error)
    assert len(server.requests) == 3 and caller.endpoint.distrusted


async def test_each_form_of_the_question_is_tried_while_no_answer_was_usable(call: Call, server: FakeEndpoint) -> None:
    caller = call(breaker_failures=9)
    server.otherwise = Reply(change=lambda answers: "")
    for _ in range(5):
        await caller.fails()
    forms = ["json_schema", "json_object", None, None, "json_schema"]
    assert [request.get("response_format", {}).get("type") for request in server.requests] == forms
    assert ["grammar" in request for request in server.requests] == [False, False, False, True, False]


async def test_when_it_answers_again_that_is_one_line(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    caller = call(breaker_failures=1, retries=0)
    await caller.fails(Reply(status=401, error={"message": "Incorrect API key"}))
    caller.clock.now += 31
    await caller.ask()
    await caller.ask()
    logged = capsys.readouterr().out
    assert logged.count("the endpoint answers again") == logged.count("the endpoint is left alone") == 1
    assert "answers 401: Incorrect API key" in logged


async def test_an_error_within_a_200_counts_by_its_code(call: Call, server: FakeEndpoint) -> None:
    body = b'{"error": {"code": 401, "message": "No auth credentials found"}}'
    assert "FUSIONLOG_LABEL__API_KEY" in str(await call(retries=3).fails(Reply(body=body)))
    assert len(server.requests) == 1


async def test_the_key_is_not_repeated_in_a_message(call: Call) -> None:
    error = await call(api_key="geheim-1234").fails(Reply(status=401, error={"message": "bad key geheim-1234"}))
    assert "geheim" not in str(error) and "<SECRET>" in str(error)


async def test_a_limited_endpoint_sends_no_more_and_charges_what_it_sent(call: Call, server: FakeEndpoint) -> None:
    caller = call(calls_per_hour=10, retries=4)
    with caller.endpoint.limited(2, 5.0):
        for _ in range(3):
            await caller.fails(*[BROKEN] * 9)
    assert len(server.requests) == 2 and caller.endpoint.budget.left == 8


async def test_the_metric_shows_why_the_endpoint_is_left_alone(call: Call) -> None:
    caller = call(breaker_failures=1, retries=0)
    await caller.fails(Reply(status=401, error={"message": "Incorrect API key"}))
    assert REGISTRY.get_sample_value("fusionlog_teacher_up", {"reason": "denied"}) == 0
    caller.clock.now += 31
    await caller.fails(Reply(status=500, error={"message": "no"}))
    assert REGISTRY.get_sample_value("fusionlog_teacher_up", {"reason": "failed"}) == 0
    assert REGISTRY.get_sample_value("fusionlog_teacher_up", {"reason": "denied"}) is None
    caller.clock.now += 31
    await caller.ask()
    assert REGISTRY.get_sample_value("fusionlog_teacher_up", {"reason": ""}) == 1
