from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fusionlog.teachers.llm import answers, prompts
from fusionlog.teachers.llm.reply import Reply
from fusionlog.teachers.recorded.chat import Chat, Message, NotUnderstoodError, RecordedTeacher, last_json
from fusionlog.teachers.recorded.recordings import read_recordings
from tests.teachers.factories import make_rows, make_unit, write_rows

FAULT = {"system": "shop", "events": [{"id": 7, "text": "order 1 opened"}, {"id": 9, "text": "ledger 3 damaged badly"}]}


@pytest.fixture
def replay(tmp_path: Path) -> RecordedTeacher:
    return RecordedTeacher(read_recordings([write_rows(tmp_path / "a.jsonl", make_rows())]))


def say(text: str | list[dict[str, Any]]) -> Chat:
    return Chat([Message("system", "judge {these}"), Message("user", text), Message("assistant", "{}")])


def test_an_object_is_answered_by_an_object(replay: RecordedTeacher) -> None:
    assert json.loads(replay.reply(say(json.dumps(FAULT)))) == {
        "label": "anomalous", "confidence": 0.9, "reason": "data lost",
        "events": [
            {"id": 7, "label": "normal", "confidence": 0.9, "reason": ""},
            {"id": 9, "label": "anomalous", "confidence": 0.9, "reason": "data lost"},
        ],
    }  # fmt: skip


def test_an_array_at_the_end_is_answered_by_an_array(replay: RecordedTeacher) -> None:
    text = f"Sessions [two], {{as}} JSON:\n```json\n{json.dumps([FAULT, {**FAULT, 'system': 'shed'}])}\n```\n"
    told = json.loads(replay.reply(say(text)))
    assert [(answer["label"], answer["confidence"]) for answer in told] == [("anomalous", 0.9), ("normal", 0.5)]


def test_a_message_in_parts_is_one_text(replay: RecordedTeacher) -> None:
    text = json.dumps(FAULT)
    parts = [{"type": "text", "text": text[:20]}, {"type": "text", "text": text[20:]}]
    assert replay.reply(say(parts)) == replay.reply(say(text))


def test_an_explanation_names_cause_and_evidence(replay: RecordedTeacher) -> None:
    told = json.loads(replay.reply(say(json.dumps({**FAULT, "task": "explain"}))))
    assert (told["root_cause"], told["evidence"]) == ("data lost", [9])


def test_an_event_without_id_has_its_place(replay: RecordedTeacher) -> None:
    told = json.loads(
        replay.reply(say('{"system": "shop", "events": [{"text": "order 1 paid"}, {"text": "?", "id": "x"}]}'))
    )
    assert [event["id"] for event in told["events"]] == [0, "x"]


def test_flipped_every_unit_is_the_other_label(replay: RecordedTeacher) -> None:
    told = json.loads(replay.reply(say(json.dumps([FAULT, {}])), flip=True))
    assert [answer["label"] for answer in told] == ["normal", "anomalous"]


def test_it_counts_how_units_and_events_were_answered(replay: RecordedTeacher) -> None:
    whole = {"system": "shop", "events": [{"text": "order 1 opened"}, {"text": "order 1 closed"}]}
    replay.reply(say(json.dumps([FAULT, whole, {"system": "shop", "events": [{"text": "never seen"}]}])))
    stats = replay.stats
    assert (stats.units, stats.units_by_session, stats.units_by_events) == (3, 1, 2)
    assert (stats.events, stats.events_unknown) == (5, 1)
    assert stats.ways == "3 units: 0.0 % by window, 33.3 % by session, 66.7 % by events"
    stats.add(stats)
    assert (stats.units, stats.events) == (6, 10)


def test_our_own_prompt_is_answered_as_our_own_client_reads_it(replay: RecordedTeacher) -> None:
    units = prompts.numbered([make_unit("order 1 opened"), make_unit("order 1 paid", "card 3 refused by bank")])
    chat = Chat([Message(message["role"], message["content"]) for message in prompts.messages(units)])
    told = answers.match(Reply((replay.reply(chat),)), units)
    assert [verdict.probability for verdict in told if not isinstance(verdict, str)] == pytest.approx([0.1, 0.6])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("no JSON at all", "does not end with"),
        ('{"system": "shop"} and more', "does not end with"),
        ('{"system": 7}', r"not a unit: .*\$\.system"),
        ('{"events": [{"text": "a", "count": "many"}]}', r"not a unit: .*\$\.events\[0\]\.count"),
        ("[1]", "not a unit"),
    ],
)
def test_what_is_no_unit_is_said(replay: RecordedTeacher, text: str, says: str) -> None:
    with pytest.raises(NotUnderstoodError, match=says):
        replay.reply(say(text))


def test_without_a_user_there_is_nothing_to_answer(replay: RecordedTeacher) -> None:
    with pytest.raises(NotUnderstoodError, match="role user"):
        replay.reply(Chat([Message("system", "{}")]))


def test_the_json_that_stands_last_is_read() -> None:
    assert last_json('[1] {"a": [2]} {"b": {"c": "}"}}') == {"b": {"c": "}"}}
    assert last_json("{{{ [[ [3]") == [3]
