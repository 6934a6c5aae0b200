"""Dead letters as they are read from their topic."""

from __future__ import annotations

from types import SimpleNamespace

from fusionlog.errors import RecordError
from fusionlog.kafka.codecs import Headers, dead_letter_headers
from fusionlog.kafka.dead_letters import REPLAYED, DeadLetterRecord, chosen, letters_of


def record(headers: Headers, value: bytes | None = b"x", offset: int = 0) -> DeadLetterRecord:
    return SimpleNamespace(offset=offset, key=b"k", value=value, headers=headers)


def letter(reason: str, offset: int, index: int = 0, replayable: bool = True) -> DeadLetterRecord:
    error = RecordError(reason, "why")
    return record(dead_letter_headers(error, "score", "t", 1, offset, 5.0, index, replayable=replayable))


def test_a_letter_has_what_its_headers_have() -> None:
    [found] = letters_of([letter("not-json", 7, 2, replayable=False)])
    assert (found.place, found.reason, found.detail, found.stage) == ("t/1/7.2", "not-json", "why", "score")
    assert (found.topic, found.at, found.key, found.value, found.replayable) == ("t", 5.0, b"k", b"x", False)


def test_a_place_that_was_refused_twice_is_one_letter() -> None:
    found = letters_of([letter("no-label", 7), letter("no-label", 8), letter("crash-loop", 7)])
    assert [(each.place, each.reason) for each in found] == [("t/1/8", "no-label"), ("t/1/7", "crash-loop")]


def test_the_note_of_a_replay_marks_its_letter() -> None:
    found = letters_of([letter("no-label", 7), letter("no-label", 8), record([(REPLAYED, b"t/1/7")], None)])
    assert [each.replayed for each in found] == [True, False]


def test_records_that_are_no_dead_letters_are_left_out() -> None:
    strange = [record([]), record([("fusionlog.topic", b"t")]), record([(REPLAYED, b"t/9/9")], None)]
    strange += [record([("fusionlog.topic", b"t"), ("fusionlog.partition", b"\xff"), ("fusionlog.offset", b"1")])]
    assert letters_of(strange) == []


def test_letters_are_chosen_by_place_and_by_what_their_headers_have() -> None:
    found = letters_of([letter("no-label", 7), letter("not-json", 8)])
    assert [each.place for each in chosen(found, reason="not-json")] == ["t/1/8"]
    assert [each.place for each in chosen(found, ["t/1/7"])] == ["t/1/7"]
    assert chosen(found, ["t/1/7"], reason="not-json") == chosen(found, stage="label") == []
