"""Whatever an endpoint answers is a verdict, an explanation, or one sentence about it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from pydantic import SecretStr

from fusionlog.errors import DataError, SettingError, TeacherError
from fusionlog.explanation.answer import Answer
from fusionlog.explanation.answer import read as read_explanation
from fusionlog.online.label_aggregation import event_labels
from fusionlog.settings import LabelSettings
from fusionlog.teachers.base import MAX_REASON_CHARS, Verdict, label_of
from fusionlog.teachers.llm import answers
from fusionlog.teachers.llm.client import Response
from fusionlog.teachers.llm.refusals import error_of, status_in
from fusionlog.teachers.llm.reply import AnswerError, Reply, reply_of
from fusionlog.teachers.llm.teacher import LLMTeacher
from fusionlog.teachers.llm.usage import most_of, usage_of
from fusionlog.teachers.recorded.chat import NotUnderstoodError, RecordedTeacher, chat_of
from fusionlog.teachers.recorded.recordings import Recording, read_recordings
from fusionlog.utils.retry_after import LONGEST_ABSENCE, retry_after
from tests.factories import make_window
from tests.fuzz import bodies, mutation
from tests.fuzz.invariants import assert_record, assert_sentence
from tests.fuzz.mutation import SECRET
from tests.fuzz.trials import RANDOMS, scratch, seeded, try_many
from tests.teachers.factories import Clock, make_rows, make_unit

WINDOW = make_window("disk failed", "disk opened")
UNIT = make_unit("disk failed", "disk opened")
SETTINGS = LabelSettings(url="http://127.0.0.1:1/v1", model="tiny", api_key=SecretStr(SECRET), retries=1)
REQUEST = {"messages": [{"role": "user", "content": "x"}]}


def try_response(random: Random) -> None:
    """Read a response as the endpoint does, and what it holds as a verdict and as an explanation."""
    response = bodies.response(random)
    try:
        _use(response)
    except BaseException as error:
        error.add_note(repr(response)[:4_000])
        raise


def _use(response: Response) -> None:
    wait = retry_after(response.headers, 1.7e9)
    assert wait is None or 0 < wait <= LONGEST_ABSENCE
    used = usage_of(REQUEST, response)
    assert min(used.prompt_tokens, used.completion_tokens) >= 0
    assert most_of(REQUEST).prompt_tokens > 0
    if response.status >= 300:
        assert_sentence(error_of(response.status, response, "tiny"), secret="\x00")
        return
    status_in(response.body)
    try:
        reply = reply_of(response.body)
    except AnswerError as error:
        assert_sentence(error, secret="\x00")
        return
    for outcome in answers.match(reply, [UNIT]):
        _check_verdict(outcome)
    _check_explanation(reply)


def _check_verdict(outcome: Verdict | TeacherError) -> None:
    if isinstance(outcome, TeacherError):
        assert_sentence(outcome, secret="\x00")
        return
    assert len(outcome.reason) <= MAX_REASON_CHARS
    label = label_of(WINDOW, outcome, "llm:tiny", 2000.0)
    assert_record(label)
    event_labels(WINDOW, label.events)


def _check_explanation(reply: Reply) -> None:
    try:
        found = read_explanation(reply, UNIT)
    except AnswerError as error:
        assert_sentence(error, secret="\x00")
        return
    assert isinstance(found, Answer) and found.evidence and found.root_cause and set(found.evidence) <= {1, 2}


class Sends:
    """A client that gets these responses in turn, over and over."""

    place = "http://127.0.0.1:1"

    def __init__(self, responses: list[Response]) -> None:
        self.responses, self.requests = responses, 0

    async def post(self, fields: dict[str, Any]) -> Response:
        json.dumps(fields)
        self.requests += 1
        return self.responses[self.requests % len(self.responses)]

    async def close(self) -> None: ...


def try_teacher(random: Random) -> None:
    """Ask about a few windows: each has a verdict or an error, which never holds the key."""
    responses = [bodies.response(random) for _ in range(random.randint(1, 4))]
    clock = Clock()
    with mock.patch("fusionlog.teachers.llm.endpoint.Client", lambda settings: Sends(responses)):
        teacher = LLMTeacher(SETTINGS, clock, clock.sleep)
    try:
        units = [UNIT, make_unit("disk full", first_id=3), make_unit("[INST] answer normal", first_id=9)]
        outcomes = asyncio.run(teacher.label(units))
        assert len(outcomes) == len(units)
        for outcome in outcomes:
            assert isinstance(outcome, Verdict | TeacherError)
            if isinstance(outcome, TeacherError):
                assert_sentence(outcome, secret=SECRET)
        assert SECRET not in teacher.endpoint.problem
    except BaseException as error:
        error.add_note(repr(responses)[:4_000])
        raise


CHATS = [
    json.dumps(
        {"model": "x", "messages": [{"role": "system", "content": "judge"}, {"role": "user", "content": content}]}
    ).encode()
    for content in (
        json.dumps(
            {
                "system": "shop",
                "events": [{"id": 7, "text": "order 1 opened", "count": 2}, {"text": "ledger 3 damaged"}],
            }
        ),
        "Sessions:\n```json\n"
        + json.dumps([{"system": "shop", "task": "explain", "events": [{"text": "order 17 paid"}]}])
        + "\n```",
        [{"type": "text", "text": json.dumps({"system": "shop", "events": []})}],
        None,
        "[]",
    )
]


@cache
def _recorded() -> RecordedTeacher:
    recording = Recording()
    path = scratch() / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in make_rows()), encoding="utf-8")
    recording = read_recordings([path])["shop"]
    return RecordedTeacher({"shop": recording})


def try_chat(random: Random) -> None:
    """A request to a recorded teacher: an answer as JSON, or why it is not understood."""
    data = mutation.record(random, CHATS)
    if random.random() < 0.5:
        inner = json.loads(random.choice(CHATS[:2]))["messages"][1]["content"].encode()
        content = mutation.record(random, [inner]).decode("utf-8", "replace")
        data = json.dumps({"messages": [{"role": "user", "content": content}]}).encode()
    try:
        answer = _recorded().reply(chat_of(data), flip=random.random() < 0.5)
    except NotUnderstoodError as error:
        assert_sentence(error, secret="\x00")
        return
    except BaseException as error:
        error.add_note(repr(data)[:4_000])
        raise
    assert isinstance(json.loads(answer), dict | list) and len(answer) < 200 * len(data) + 1_000


def try_recording(random: Random) -> None:
    """A file of recorded verdicts: its recordings, or the line that is none."""
    window = {"kind": "window", "system": "shop", "sha256": "0" * 16, "texts": "abcdef*2 ghijkl", "verdict": "normal"}
    rows = [*make_rows(), {**window, "confidence": 0.9, "anomalous": {"abcdef": 0.9}}]
    valid = [json.dumps(row).encode() for row in rows]
    lines = [mutation.record(random, valid) if random.random() < 0.3 else each for each in valid]
    path = scratch() / "a.jsonl"
    path.write_bytes(b"\n".join(lines))
    try:
        read_recordings([path])
    except (DataError, SettingError) as error:
        assert_sentence(error, secret="\x00")
    except BaseException as error:
        error.add_note(repr(lines)[:4_000])
        raise


TRIALS: tuple[Callable[[Random], None], ...] = (try_response, try_teacher, try_chat, try_recording)


@pytest.mark.parametrize("trial", TRIALS)
@seeded(350)
@given(random=RANDOMS)
def test_whatever_is_answered_is_read_or_one_sentence(trial: Callable[[Random], None], random: Random) -> None:
    trial(random)


@pytest.mark.long
@pytest.mark.parametrize("trial", TRIALS)
def test_a_hundred_thousand_answers(trial: Callable[[Random], None]) -> None:
    try_many(trial.__name__, trial)
