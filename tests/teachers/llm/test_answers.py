from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionlog.teachers.base import Unit, Verdict
from fusionlog.teachers.llm.answers import match, probability
from fusionlog.teachers.llm.json_values import objects_with
from fusionlog.teachers.llm.reply import AnswerError, Reply
from tests.teachers.factories import make_unit

UNITS = [make_unit("a", "b"), make_unit("c", first_id=3)]


def matched(text: str, units: list[Unit]) -> list[Verdict | AnswerError]:
    return match(Reply((text,)), units)


def answer(*ids: int, label: str = "anomalous", confidence: float = 0.8, reason: str = "so") -> dict[str, Any]:
    said = {"label": label, "confidence": confidence, "reason": reason}
    return {**said, "events": [{"id": id, **said} for id in ids]}


def test_answers_go_to_the_units_with_their_ids_and_events_into_the_units_order() -> None:
    first, second = matched(json.dumps([answer(3, label="normal"), answer(2, 1)]), UNITS)
    assert isinstance(first, Verdict) and isinstance(second, Verdict)
    assert [event.id for event in first.events] == [1, 2]
    assert (first.probability, round(second.probability, 6)) == (0.8, 0.2)


def test_a_single_answer_stands_for_an_array_of_one() -> None:
    (verdict,) = matched(json.dumps(answer(1, 2)), UNITS[:1])
    assert isinstance(verdict, Verdict)


def test_reasons_are_cut() -> None:
    (verdict,) = matched(json.dumps([answer(1, 2, reason="x" * 9000)]), UNITS[:1])
    assert isinstance(verdict, Verdict)
    assert len(verdict.reason) == len(verdict.events[0].reason) == 500


@pytest.mark.parametrize("ids", [(1,), (1, 2, 3), (1, 1), (1, 2, 2), ()])
def test_missing_surplus_and_doubled_events_are_refused(ids: tuple[int, ...]) -> None:
    (said,) = matched(json.dumps([answer(*ids)]), UNITS[:1])
    assert isinstance(said, AnswerError)


def test_whole_answers_before_a_cut_are_kept() -> None:
    text = json.dumps({"answers": [answer(1, 2), answer(3)]})
    kept, lost = matched(text[:-30], UNITS)
    assert isinstance(kept, Verdict) and isinstance(lost, AnswerError)


@given(st.integers(min_value=0, max_value=400))
def test_wherever_an_answer_is_cut_nothing_wrong_is_read(cut: int) -> None:
    whole = [answer(1, 2), answer(3, label="normal")]
    assert objects_with(json.dumps(whole)[:cut], "events") in ([], whole[:1], whole)


def test_the_first_text_with_a_verdict_counts() -> None:
    said = json.dumps(answer(1, 2)), json.dumps(answer(1, 2, label="normal"))
    (verdict,) = match(Reply(("hm", *said)), UNITS[:1])
    assert isinstance(verdict, Verdict) and verdict.probability == 0.8


def test_two_answers_for_one_unit_are_none() -> None:
    text = f"A line imitates {json.dumps(answer(1, 2, label='normal'))}, but {json.dumps(answer(1, 2))}"
    (error,) = matched(text, UNITS[:1])
    assert isinstance(error, AnswerError) and error.problem == "two answers for one unit"


@pytest.mark.parametrize(
    ("label", "probability"),
    [("Anomalous", 0.8), ("ANOMALY", 0.8), ("abnormal.", 0.8), (" anomalous\n", 0.8), (True, 0.8), ("True", 0.8),
     ("Normal", 0.2), ("**normal**", 0.2), (False, 0.2), ("not anomalous", 0.2)],
)  # fmt: skip
def test_a_label_of_plain_meaning_is_read(label: Any, probability: float) -> None:
    (verdict,) = matched(json.dumps(answer(1, 2, label=label)), UNITS[:1])
    assert isinstance(verdict, Verdict) and round(verdict.probability, 6) == probability


@pytest.mark.parametrize("label", ["suspicious", "", None, 1, 0, [], {"label": "normal"}, "normal or anomalous"])
def test_another_label_is_refused(label: Any) -> None:
    (error,) = matched(json.dumps(answer(1, 2, label=label)), UNITS[:1])
    assert isinstance(error, AnswerError) and "a label is neither normal nor anomalous" in error.problem


@pytest.mark.parametrize("confidence", ["0.8", " .8 ", 80, "80", 80.0, "80%", "80 %"])
def test_a_confidence_of_plain_meaning_is_read(confidence: Any) -> None:
    (verdict,) = matched(json.dumps(answer(1, 2, confidence=confidence)), UNITS[:1])
    assert isinstance(verdict, Verdict) and verdict.confidence == verdict.events[0].probability == 0.8


@pytest.mark.parametrize(
    "confidence", [None, True, "high", "", -0.1, 101, 1e308, float("nan"), float("inf"), "1e999", 10**400, [0.8]]
)
def test_another_confidence_is_refused(confidence: Any) -> None:
    (error,) = matched(json.dumps(answer(1, 2, confidence=confidence)), UNITS[:1])
    assert isinstance(error, AnswerError) and "a confidence is not a number from 0 to 1" in error.problem


def test_percent_beside_a_share_is_neither() -> None:
    mixed = answer(1, 2, confidence=90)
    mixed["events"][0]["confidence"] = 0.9
    assert isinstance(matched(json.dumps(mixed), UNITS[:1])[0], AnswerError)
    share = answer(3, confidence=0.5)
    both = matched(json.dumps([answer(1, 2, confidence=90), share]), UNITS)
    assert [each.confidence for each in both if isinstance(each, Verdict)] == [0.9, 0.5], "each answer has its scale"


@pytest.mark.parametrize("ids", [("1", "2"), (1.0, 2.0), (" 1", "2.0")])
def test_ids_of_plain_meaning_are_read(ids: tuple[Any, Any]) -> None:
    (verdict,) = matched(json.dumps(answer(*ids)), UNITS[:1])
    assert isinstance(verdict, Verdict)


@pytest.mark.parametrize("ids", [("E1", 2), (None, 2), (True, 2), (1.5, 2), (1e400, 2), ([1], 2)])
def test_other_ids_are_refused(ids: tuple[Any, Any]) -> None:
    (error,) = matched(json.dumps(answer(*ids)), UNITS[:1])
    assert isinstance(error, AnswerError) and "an id is not a whole number" in error.problem


def test_events_by_id_or_a_single_one_are_a_list() -> None:
    one = answer(3)
    for events in ({"3": {**one, "id": None}}, one["events"][0]):
        said = {**one, "events": {id: {k: v for k, v in each.items() if k in ("label", "confidence")}
                                  for id, each in events.items()} if "3" in events else events}  # fmt: skip
        (verdict,) = matched(json.dumps(said), UNITS[1:])
        assert isinstance(verdict, Verdict)


def test_a_reason_that_is_no_text_or_cannot_be_published_harms_nothing() -> None:
    for reason in (None, 7, ["so"], "\ud800"):
        (verdict,) = matched(json.dumps(answer(1, 2, reason=reason)), UNITS[:1])  # type: ignore[arg-type]
        assert isinstance(verdict, Verdict) and verdict.reason.encode() in (b"", b"?")


NAMES = st.sampled_from(["answers", "label", "events", "id", "confidence"])
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner)
).map(json.dumps)


@given(st.text() | JSON)
def test_no_text_breaks_the_reader_nor_yields_a_verdict(text: str) -> None:
    assert all(isinstance(said, AnswerError) for said in matched(text, UNITS))


@given(st.floats(0, 1))
def test_a_label_is_never_turned_round_by_its_confidence(confidence: float) -> None:
    assert probability("normal", confidence) < 0.5 <= probability("anomalous", confidence)
    assert probability("anomalous", confidence) == max(confidence, 0.5)
    assert probability("normal", confidence) == min(1 - confidence, 0.49)
