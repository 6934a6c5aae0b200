from __future__ import annotations

import json
from typing import Any

import pytest

from fusionlog.explanation.answer import MAX_TEXT_CHARS, Answer, read
from tests.teachers.factories import make_unit

UNIT = make_unit("disk opened", "disk failed", "disk closed")
GOOD: dict[str, Any] = {"root_cause": "the disk", "evidence": [2], "next_step": "look"}


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
    ("content", "problem"),
    [
        (None, "empty"),
        ("Sure! " + said(), "not one JSON value"),
        (said()[:-5], "not one JSON value"),
        (f"[{said()}, {said()}]", "one JSON object was asked for, not 2"),
        (said(evidence=[2, 4]), "its evidence names event 4, and the session has events 1 to 3"),
        (said(evidence=[0]), "its evidence names event 0"),
        (said(evidence=[]), "it names no event as evidence"),
        (said(evidence=["disk failed"]), "does not match the schema: Expected `int`"),
        (said(evidence=[True]), "does not match the schema"),
        (said(root_cause="  "), "its root_cause is empty"),
        (said(root_cause=None), "missing required field `root_cause`"),
        ('"the disk"', "does not match the schema"),
    ],
)
def test_what_is_no_explanation_is_refused_with_the_reason(content: str | None, problem: str) -> None:
    found = read(content, UNIT)
    assert isinstance(found, str) and problem in found
