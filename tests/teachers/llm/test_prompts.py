from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fusionlog.teachers.base import (
    Difference,
    EventEvidence,
    MissingEvent,
    Neighbour,
    Unit,
    UnitEvidence,
)
from fusionlog.teachers.llm import prompts
from fusionlog.teachers.llm.answers import match
from fusionlog.teachers.llm.dialect import Messages, ResponseFormats
from fusionlog.teachers.llm.prompts import messages, numbered, response_formats
from fusionlog.teachers.llm.reply import Reply
from fusionlog.teachers.recorded.chat import Chat, RecordedTeacher
from fusionlog.teachers.recorded.recordings import read_recordings
from tests.teachers.factories import make_rows, make_unit, write_rows

GOLDEN = Path(__file__).with_name("question.txt")


def with_all() -> Unit:
    """A unit with every key that can stand beside it."""
    opened = EventEvidence(seen=812, unusual_count="as many in 2 of 812")
    refused = EventEvidence(
        level="error", seen=0, missing=(MissingEvent("order <NUM> paid", "790 of 812"),), unusual_end="0 of 31"
    )
    near = Neighbour(0.83, "anomalous", "never paid", (Difference("order <NUM> paid", 0, 1),))
    unit = make_unit("order 17 opened", "card 4 refused by bank")
    surprise = "1 in 800 sessions deviates as much, by a missing event"
    return replace(unit, evidence=UnitEvidence((opened, refused), 900, surprise), neighbours=(near,))


def as_text(sent: Messages) -> str:
    return "".join(f"[{message['role']}]\n{message['content']}\n" for message in sent)


def test_the_question_is_this_text_word_for_word() -> None:
    assert as_text(messages([with_all()])) == GOLDEN.read_text(encoding="utf-8")


def test_a_key_is_explained_where_it_is_used_and_nowhere_else() -> None:
    whole, alone = (messages([unit])[0]["content"] for unit in (with_all(), with_all().alone))
    for key in prompts._KEYS.keys() - {"duration", "pause", "quantities"}:  # of events, where they have them
        assert f"\n- {key}: " in whole and f"- {key}: " not in alone


def test_a_recorded_teacher_finds_a_session_whatever_stands_beside_it(tmp_path: Path) -> None:
    rows = make_rows()
    session = {"kind": "session", "system": "shop", "events": [["E1", 1], ["E4", 1]], "verdict": "normal",
               "confidence": 0.8, "reason": "paid in cash"}  # fmt: skip
    teacher = RecordedTeacher(read_recordings([write_rows(tmp_path / "v.jsonl", [*rows, session])]))
    units = numbered([with_all(), with_all().alone])
    reply = teacher.reply(msgspec.convert({"messages": messages(units)}, Chat))
    first, second = match(Reply((reply,)), units)
    assert first == replace(second, events=first.events)  # type: ignore[union-attr, type-var]
    assert (teacher.stats.units, teacher.stats.units_by_session) == (2, 2)


@pytest.mark.parametrize("ids", [[], [7]])
def test_an_answer_on_a_neighbour_reaches_nothing(ids: list[int]) -> None:
    def answer(label: str, *events: int) -> dict[str, Any]:
        own = [{"id": id, "label": label, "confidence": 0.9, "reason": ""} for id in events]
        return {"label": label, "confidence": 0.9, "reason": "", "events": own}

    text = json.dumps({"answers": [answer("anomalous", *ids), answer("normal", 1, 2)]})
    [found] = match(Reply((text,)), numbered([with_all()]))
    assert found.probability < 0.5  # type: ignore[union-attr]


@given(st.text())
def test_whatever_a_line_holds_it_stays_one_value_of_the_array_at_the_end(text: str) -> None:
    text = text.encode("utf-8", "ignore").decode()
    system, user = messages([make_unit(text)])
    head, _, array = user["content"].partition("\n")
    (unit,) = json.loads(array)
    assert unit == {"system": "shop", "task": "label", "events": [{"id": 1, "text": text, "count": 1}]}
    assert (
        system == messages([make_unit("other")])[0]
        and head == messages([make_unit("other")])[1]["content"].split("\n")[0]
    )


def test_values_are_keys_of_their_event_and_the_task_explains_them() -> None:
    unit = make_unit("mail sent, delay=3.9", "removed")
    slow = replace(unit, events=(replace(unit.events[0], duration=3.9, quantities={"size": 12}), unit.events[1]))
    system, user = messages([slow])
    (sent,) = json.loads(user["content"].partition("\n")[2])
    assert sent["events"] == [
        {"id": 1, "text": "mail sent, delay=3.9", "count": 1, "duration": 3.9, "quantities": {"size": 12}},
        {"id": 2, "text": "removed", "count": 1},
    ]
    assert "- duration: " in system["content"] and "- duration: " not in messages([unit])[0]["content"]


def test_braces_in_a_policy_are_only_text() -> None:
    assert "alert on {x} {{y}}" in messages([make_unit(policy="alert on {x} {{y}}")])[0]["content"]


def test_ids_are_unique_over_a_call() -> None:
    units = numbered([make_unit("a", "b"), make_unit("c"), make_unit("d", "e")])
    assert [[event.id for event in unit.events] for unit in units] == [[1, 2], [3], [4, 5]]


def closed_objects(formats: ResponseFormats) -> list[dict[str, Any]]:
    """The objects of the strictest format's schema; each is closed and requires all that it names."""
    strict = formats[0].fields["response_format"]
    objects, found = [strict["json_schema"]["schema"]], []
    while objects:
        node = objects.pop()
        assert node["additionalProperties"] is False and node["required"] == list(node["properties"])
        found.append(node)
        items = [child["items"] for child in node["properties"].values() if child["type"] == "array"]
        objects += [item for item in items if item["type"] == "object"]
    return found


def test_every_object_of_the_schema_is_closed_and_requires_all_it_names() -> None:
    assert len(closed_objects(response_formats())) == 3
