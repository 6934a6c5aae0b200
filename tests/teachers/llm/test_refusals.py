from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionlog.errors import TeacherError
from fusionlog.teachers.llm.client import Response
from fusionlog.teachers.llm.refusals import ContextError, DeniedError, RefusedError, error_of, status_in
from fusionlog.teachers.llm.retries import TransientError


def error(status: int, body: Any) -> TeacherError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return error_of(status, Response(status, {}, raw), "tiny")


@pytest.mark.parametrize(
    ("status", "body", "kind", "says"),
    [
        (401, {"error": {"message": "Incorrect API key"}}, DeniedError, "401: Incorrect API key; set FUSIONLOG"),
        (400, {"error": {"message": "API key not valid."}}, DeniedError, "set FUSIONLOG_LABEL__API_KEY"),
        (404, {"error": "model 'tiny' not found, try pulling it first"}, DeniedError, "FUSIONLOG_LABEL__MODEL"),
        (404, b"404 page not found", DeniedError, "404 page not found; it has no such path"),
        (404, {"error": {"message": "No endpoints support response_format"}}, RefusedError, "404: No"),
        (403, {"error": {"message": "your input was flagged by moderation"}}, RefusedError, "flagged"),
        (403, {"error": {"message": "no"}}, DeniedError, "forbids this key"),
        (429, {"error": {"code": "insufficient_quota", "message": "no"}}, DeniedError, "out of credit"),
        (429, {"error": {"message": "Rate limit reached"}}, TransientError, "answers 429: Rate limit reached"),
        (429, {"error": {"message": "Request too large: limit 3, asked 9"}}, ContextError, "too large"),
        (429, {"error": {"message": "exceeded the token limit per minute"}}, TransientError, "token limit"),
        (413, b"<html><h1>Payload</h1></html>", ContextError, "answers 413: a page of HTML"),
        (500, {"error": {"message": "Context size exceeded."}}, ContextError, "Context"),
        (500, {"error": {"message": "response_format is unknown"}}, RefusedError, "response_f"),
        (500, {"error": {"message": "oops"}}, TransientError, "answers 500: oops"),
        (501, {"error": {"message": "not implemented"}}, RefusedError, "not implemented"),
        (503, {"error": {"message": "the schema registry is down"}}, TransientError, "answers 503"),
        (422, {"detail": [{"loc": ["body", "response_format"], "msg": "not permitted"}]}, RefusedError, "not p"),
        (400, {"error": {"message": "Provider returned error", "metadata": {"raw": '"System role is not ok"'}}},
         RefusedError, "error (\"System role"),
        (418, {}, RefusedError, "answers 418: no text"),
    ],
)  # fmt: skip
def test_an_error_response_becomes_the_error_of_its_kind(status: int, body: Any, kind: type, says: str) -> None:
    found = error(status, body)
    assert type(found) is kind and says in str(found)


def test_a_request_that_an_error_quotes_is_not_what_it_is_about() -> None:
    quoted = {"detail": [{"msg": "nothing fits", "input": {"response_format": {"type": "json_schema"}}}]}
    found = error(422, quoted)
    assert isinstance(found, RefusedError) and found.topic is None


@pytest.mark.parametrize(
    ("body", "status"),
    [(b'{"error": {"code": 502, "message": "x"}}', 502), (b'{"error": {"code": "x"}}', 500), (b'{"error": "x"}', 500),
     (b'{"error": null}', None), (b"[]", None), (b"x", None), (b'{"error": {"code": 7}}', 500)],
)  # fmt: skip
def test_an_error_in_a_body_of_success_has_a_status(body: bytes, status: int | None) -> None:
    assert status_in(body) == status


NAMES = st.sampled_from(["error", "message", "detail", "metadata", "raw", "code", "loc", "type", "other"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=20,
).map(lambda value: json.dumps(value).encode())


@given(st.integers(300, 599), st.binary() | JSON)
def test_no_error_response_raises(status: int, body: bytes) -> None:
    assert len(str(error(status, body))) < 500
    status_in(body)
