from __future__ import annotations

import json
from typing import Any

import pytest

from fusionlog.explanation import answer
from fusionlog.explanation.answer import MAX_TEXT_CHARS, Answer
from fusionlog.teachers.base import Unit
from fusionlog.teachers.llm.reply import AnswerError, Reply
from tests.teachers.factories import make_unit

UNIT = make_unit("disk opened", "disk failed", "disk closed")
GOOD: dict[str, Any] = {"root_cause": "the disk", "evidence": [2], "next_step": "look"}


def read(content: str, unit: Unit) -> Answer:
    return answer.read(Reply((content,)), unit)


def said(**fields: Any) -> str:
    return json.dumps({key: value for key, value in {**GOOD, **fields}.items() if value is not None})


def test_an_answer_is_read_trimmed_and_each_line_once() -> None:
    assert read(said(evidence=[2, 1, 2], root_cause=" the disk "), UNIT) == Answer("the disk", [2, 1], "look")
    assert read(f"```json\n{said()}\n```", UNIT) == Answer("the disk", [2], "look")
    long = read(said(root_cause="x" * 9000), UNIT)
    assert isinstance(long, Answer) and len(long.root_cause) == MAX_TEXT_CHARS


def test_a_recorded_teacher_knows_no_next_step_and_says_more_than_was_asked() -> None:
    assert read(said(next_step=None, label="anomalous", events=[]), UNIT) == Answer("the disk", [2], "")


@pytest.mark.parametrize(
    "content",
    [f"Sure! {said()} Bye.", said(evidence=["2", "2"]), said(evidence=[2.0]), said(evidence=2), f"hm</think>{said()}",
     f"{said()}\n{said()}"],
)  # fmt: skip
def test_an_answer_of_plain_meaning_is_read(content: str) -> None:
    assert read(content, UNIT) == Answer("the disk", [2], "look")


@pytest.mark.parametrize(
    ("content", "problem", "understood"),
    [
        (said()[:-5], "holds no JSON object with a root_cause", False),
        (f"[{said()}, {said(next_step='wait')}]", "one JSON object was asked for, not 2", False),
        (said(evidence=[2, 4]), "its evidence names event 4, and the session has events 1 to 3", True),
        (said(evidence=[0]), "its evidence names event 0", True),
        (said(evidence=[]), "it names no event as evidence", True),
        (said(evidence=["disk failed"]), "its evidence is not a list of event ids", False),
        (said(evidence=[True]), "its evidence is not a list of event ids", False),
        (said(root_cause="  "), "its root_cause is empty", True),
        (said(root_cause=["the disk"]), "its root_cause is empty", False),
        (said(root_cause=None), "holds no JSON object with a root_cause", False),
        ('"the disk"', "holds no JSON object with a root_cause", False),
        ("", "the answer is empty", False),
    ],
)
def test_what_is_no_explanation_is_refused_with_the_reason(content: str, problem: str, understood: bool) -> None:
    with pytest.raises(AnswerError) as caught:
        answer.read(Reply((content,) if content else ()), UNIT)
    assert problem in caught.value.problem and caught.value.understood is understood
