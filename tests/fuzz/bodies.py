"""HTTP bodies and headers of endpoints: completions in every field that servers use, streams, errors, pages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from random import Random
from typing import Any

from fusionlog.teachers.llm.client import Response
from tests.fuzz import mutation
from tests.fuzz.mutation import SECRET
from tests.teachers.llm.test_reply import STREAM, body

EVENTS = [
    {"id": 1, "label": "normal", "confidence": 0.9, "reason": "routine"},
    {"id": 2, "label": "anomalous", "confidence": 0.8},
]
ANSWER: dict[str, Any] = {"label": "anomalous", "confidence": 0.9, "reason": "disk failed", "events": EVENTS}
EXPLANATION = {"root_cause": "the disk is full", "evidence": [1, 2], "next_step": "look at it"}
CONTENTS: tuple[Any, ...] = (
    ANSWER,
    [ANSWER],
    {"answers": [ANSWER]},
    {"answers": [{**ANSWER, "confidence": "90%", "label": "Anomalous."}]},
    EXPLANATION,
    [EXPLANATION],
    {**ANSWER, "events": {"1": {"label": True, "confidence": 90}, "2": {"label": False, "confidence": 10}}},
    {"result": {"answers": [ANSWER]}},
)
TEXTS = tuple(
    form.format(json.dumps(each))
    for each in CONTENTS
    for form in ("{}", "{}", "Sure!\n```json\n{}\n```", "<think>hm {{</think>{}", "{} and more", "{{{{ [ {}")
)
ERRORS: tuple[dict[str, Any], ...] = (
    {
        "error": {
            "message": f"Incorrect API key provided: {SECRET}",
            "type": "invalid_request_error",
            "code": "invalid_api_key",
        }
    },
    {"error": "response_format is not supported"},
    {"error": {"message": "maximum context length is 4096 tokens"}},
    {"detail": [{"msg": "x", "loc": ["body"]}]},
    {"error": {"message": "x", "metadata": {"raw": '{"error": "temperature"}'}}},
    {"error": {"code": 429, "message": "slow down"}},
    {"message": "no"},
)
VALID: tuple[bytes, ...] = (
    *(body({"content": each}) for each in TEXTS),
    *(body({"content": None, "reasoning_content": each}) for each in TEXTS[::7]),
    *(body({"content": [{"type": "text", "text": each}]}) for each in TEXTS[::5]),
    *(body({"tool_calls": [{"function": {"name": "f", "arguments": each}}]}) for each in TEXTS[::6]),
    *(body({"refusal": "I cannot", "content": None}, finish_reason="length") for _ in range(2)),
    *(json.dumps(each).encode() for each in ERRORS),
    STREAM,
    b"<html>hello</html>",
    b"data: [DONE]\n\n",
    body({"content": SECRET}),
    json.dumps(
        {"choices": [{"message": {"content": TEXTS[0]}}], "usage": {"prompt_tokens": 10, "completion_tokens": 5}}
    ).encode(),
)
STATUSES = (200, 200, 200, 200, 201, 204, 304, 400, 401, 402, 403, 404, 413, 422, 429, 500, 501, 503, 599)
HEADERS: tuple[Mapping[str, str], ...] = (
    {},
    {"retry-after": "1"},
    {"retry-after": "-1"},
    {"retry-after": "nan"},
    {"retry-after": "1e999"},
    {"retry-after-ms": "5"},
    {"retry-after": "é"},
    {"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"},
    {"retry-after": "Wed, 04 Mar 2026 10:11:12 +9999"},
    {"retry-after": "1" * 400},
    {"retry-after": "x, 1"},
)


def data(random: Random) -> bytes:
    """The body of a response."""
    found = mutation.record(random, VALID)
    if random.random() < 0.3:  # what a model wrote is JSON within JSON
        inner = mutation.record(random, [json.dumps(each).encode() for each in CONTENTS])
        return body({"content": inner.decode("utf-8", "replace")})
    return found


def response(random: Random) -> Response:
    """A response, of whatever status."""
    return Response(random.choice(STATUSES), random.choice(HEADERS), data(random))
