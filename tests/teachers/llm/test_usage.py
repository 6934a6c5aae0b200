"""The tokens of a request, reported or estimated, and their price."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fusionlog.teachers.llm.client import Response
from fusionlog.teachers.llm.usage import UNUSED, Prices, Usage, most_of, tokens_in, usage_of

REQUEST: dict[str, Any] = {"messages": [{"role": "user", "content": "is this line normal? " * 30}]}
ANSWER = "it is normal " * 30


def response(usage: Any = None, status: int = 200, **fields: Any) -> Response:
    body = {"choices": [{"message": {"content": ANSWER}}], "usage": usage, **fields}
    return Response(status, {}, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"prompt_tokens": 100, "completion_tokens": 10}, (100, 10)),
        ({"input_tokens": 100, "output_tokens": 10}, (100, 10)),
        ({"prompt_tokens": 100, "completion_tokens": 0}, (100, 0)),
    ],
)
def test_what_the_endpoint_reports_counts(usage: dict[str, int], tokens: tuple[int, int]) -> None:
    assert usage_of(REQUEST, response(usage)) == Usage(*tokens)


@pytest.mark.parametrize(
    "usage", [None, {}, [], "many", {"prompt_tokens": None}, {"prompt_tokens": -5}, {"prompt_tokens": "100"}]
)
def test_what_is_not_reported_is_estimated_from_the_texts(usage: Any) -> None:
    found = usage_of(REQUEST, response(usage))
    assert found.estimated
    assert 100 <= found.prompt_tokens <= 300 and 80 <= found.completion_tokens <= 200


@pytest.mark.parametrize("body", [b"<html>hello</html>", b"", b"{}", b"data: nothing"])
def test_a_body_of_another_shape_is_estimated_too(body: bytes) -> None:
    found = usage_of(REQUEST, Response(200, {}, body))
    assert found.estimated and found.prompt_tokens > 100


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
def test_an_error_costs_nothing(status: int) -> None:
    assert usage_of(REQUEST, response({"prompt_tokens": 100}, status)) == UNUSED


def test_an_error_within_a_200_costs_nothing() -> None:
    assert usage_of(REQUEST, Response(200, {}, b'{"error": {"code": 429, "message": "slow down"}}')) == UNUSED


def test_a_request_reserves_more_than_it_will_use() -> None:
    most, used = most_of(REQUEST), usage_of(REQUEST, response())
    assert most.prompt_tokens >= used.prompt_tokens and most.completion_tokens > used.completion_tokens


@pytest.mark.parametrize(
    ("text", "most"), [("", 0), ("a", 1), ("order 17 opened", 6), ("订单已打开", 5), ("\ud800", 1)]
)
def test_any_text_has_an_estimate(text: str, most: int) -> None:
    assert tokens_in(text) <= most


def test_a_price_is_that_of_a_million_tokens() -> None:
    assert Prices(2.0, 8.0).of(Usage(500_000, 250_000)) == 3.0
