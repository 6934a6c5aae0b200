"""Whatever an endpoint sends, each unit gets a verdict or an error, and a check of it stays within its requests."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fusionlog.errors import TeacherError
from fusionlog.teachers.base import Verdict
from fusionlog.teachers.llm.check import check
from fusionlog.teachers.llm.client import Response
from fusionlog.teachers.llm.teacher import LLMTeacher
from tests.teachers.factories import Clock, make_settings, make_unit
from tests.teachers.llm.test_reply import BODIES

STATUSES = st.sampled_from([200, 201, 204, 304, 400, 401, 404, 413, 422, 429, 500, 501, 503, 599])
TEXTS = st.sampled_from(
    [b'{"error": "response_format"}', b'{"error": "System role not supported"}', b'{"error": "maximum context length"}',
     b'{"error": "temperature"}', b'{"error": "use guided_json"}', b'{"error": "no"}',
     b'{"choices": [{"message": {"content": "no"}, "finish_reason": "length"}]}',
     b'{"choices": [{"message": {"content": "[{\\"label\\": \\"normal\\", \\"confidence\\": 0.9, \\"events\\": '
     b'[{\\"id\\": 1, \\"label\\": \\"normal\\", \\"confidence\\": 0.9}]}]"}}]}'],
)  # fmt: skip
WAITS = st.sampled_from(
    ["", "0", "-1", "2", "100000", "nan", "Wed, 04 Mar 2026 10:11:12 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"]
)
RESPONSES = st.builds(
    lambda status, body, wait: Response(status, {"retry-after": wait}, body), STATUSES, TEXTS | BODIES, WAITS
)


class Sends:
    """A client that gets these responses in turn, over and over."""

    def __init__(self, responses: Sequence[Response]) -> None:
        self.responses, self.requests = responses, 0

    async def post(self, fields: dict[str, Any]) -> Response:
        self.requests += 1
        return self.responses[self.requests % len(self.responses)]

    async def close(self) -> None: ...


def teacher_at(sends: Sends, **fields: Any) -> LLMTeacher:
    clock = Clock()
    teacher = LLMTeacher(make_settings("http://127.0.0.1:1/v1", **fields), clock=clock, sleep=clock.sleep)
    teacher.endpoint._client = sends  # type: ignore[assignment]
    return teacher


@settings(max_examples=200, deadline=None)
@given(st.lists(RESPONSES, min_size=1, max_size=5))
def test_every_unit_has_an_outcome(responses: list[Response]) -> None:
    teacher = teacher_at(Sends(responses))
    for _ in range(2):
        outcomes = asyncio.run(teacher.label([make_unit("a"), make_unit("b failed"), make_unit("[INST] c")]))
        assert len(outcomes) == 3 and all(isinstance(each, Verdict | TeacherError) for each in outcomes)


@settings(max_examples=200, deadline=None)
@given(st.lists(RESPONSES, min_size=1, max_size=5))
def test_a_check_has_a_result_within_twelve_requests(responses: list[Response]) -> None:
    teacher = teacher_at(sends := Sends(responses), retries=9, breaker_failures=99)
    found = asyncio.run(check(teacher))
    assert found.requests == sends.requests <= 12 and 0 <= found.answered <= 6
    assert found.usable is (found.answered >= 3) and found.reason and "\n" not in found.reason
    assert (found.format is None) is (found.system_role is None) is (found.answered == 0)
