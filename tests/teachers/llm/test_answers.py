from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionlog.teachers.base import Verdict
from fusionlog.teachers.llm.answers import match, probability, values
from tests.teachers.factories import make_unit

UNITS = [make_unit("a", "b"), make_unit("c", first_id=3)]


def answer(*ids: int, label: str = "anomalous", confidence: float = 0.8, reason: str = "so") -> dict[str, Any]:
    said = {"label": label, "confidence": confidence, "reason": reason}
    return {**said, "events": [{"id": id, **said} for id in ids]}


def test_answers_go_to_the_units_with_their_ids_and_events_into_the_units_order() -> None:
    first, second = match(json.dumps([answer(3, label="normal"), answer(2, 1)]), UNITS)
    assert isinstance(first, Verdict) and isinstance(second, Verdict)
    assert [event.id for event in first.events] == [1, 2]
    assert (first.probability, round(second.probability, 6)) == (0.8, 0.2)


def test_a_single_answer_stands_for_an_array_of_one() -> None:
    (verdict,) = match(json.dumps(answer(1, 2)), UNITS[:1])
    assert isinstance(verdict, Verdict)


def test_reasons_are_cut() -> None:
    (verdict,) = match(json.dumps([answer(1, 2, reason="x" * 9000)]), UNITS[:1])
    assert isinstance(verdict, Verdict)
    assert len(verdict.reason) == len(verdict.events[0].reason) == 500


@pytest.mark.parametrize("ids", [(1,), (1, 2, 3), (1, 1), (1, 2, 2), ()])
def test_missing_surplus_and_doubled_events_are_refused(ids: tuple[int, ...]) -> None:
    (said,) = match(json.dumps([answer(*ids)]), UNITS[:1])
    assert isinstance(said, str)


def test_whole_answers_before_a_cut_are_kept_and_prose_after_them_spoils_them() -> None:
    text = json.dumps({"answers": [answer(1, 2), answer(3)]})
    kept, lost = match(text[:-30], UNITS)
    assert isinstance(kept, Verdict) and isinstance(lost, str)
    assert all(isinstance(said, str) for said in match(json.dumps([answer(1, 2)]) + " I hope this helps", UNITS))


@given(st.integers(min_value=0, max_value=400))
def test_wherever_an_answer_is_cut_nothing_wrong_is_read(cut: int) -> None:
    whole = [answer(1, 2), answer(3, label="normal")]
    text = json.dumps(whole)
    found, _ = values(text[:cut])
    assert found in ([], whole[:1], whole)


NAMES = st.sampled_from(["answers", "label", "events", "id", "confidence"])
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner)
).map(json.dumps)


@given(st.text() | JSON)
def test_no_text_breaks_the_reader_nor_yields_a_verdict(text: str) -> None:
    assert all(isinstance(said, str) for said in match(text, UNITS))


@given(st.floats(0, 1))
def test_a_label_is_never_turned_round_by_its_confidence(confidence: float) -> None:
    assert probability("normal", confidence) < 0.5 <= probability("anomalous", confidence)
    assert probability("anomalous", confidence) == max(confidence, 0.5)
    assert probability("normal", confidence) == min(1 - confidence, 0.49)
