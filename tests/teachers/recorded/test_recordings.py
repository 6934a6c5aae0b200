from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fusionlog.errors import DataError
from fusionlog.teachers.recorded.recordings import By, read_recordings, recording_of
from fusionlog.teachers.recorded.window_index import text_hash, to_field
from tests.teachers.factories import make_rows, write_rows


def test_a_recorded_session_has_its_own_verdict(tmp_path: Path) -> None:
    recording = read_recordings([write_rows(tmp_path / "a.jsonl", make_rows())])["shop"]
    answered = recording.answer([("order 9 opened", 1), ("order 9 closed", 1)])
    assert (answered.by, answered.whole.verdict, answered.whole.reason) == (By.session, "anomalous", "closed, not paid")
    assert [said.verdict for said in answered.events] == ["normal", "normal"]


def test_lines_of_one_event_count_together(tmp_path: Path) -> None:
    recording = read_recordings([write_rows(tmp_path / "a.jsonl", make_rows())])["shop"]
    assert recording.answer([("order 1 closed", 1), ("order 2 opened", 1)]).by is By.session
    assert recording.answer([("order 1 opened", 1), ("order 2 opened", 1), ("order 1 closed", 1)]).by is By.events


def test_another_session_is_what_its_surest_fault_is(tmp_path: Path) -> None:
    recording = read_recordings([write_rows(tmp_path / "a.jsonl", make_rows())])["shop"]
    answered = recording.answer([("order 9 opened", 2), ("card 4 refused by bank", 1), ("ledger 3 damaged badly", 1)])
    assert (answered.by, answered.whole.confidence, answered.whole.reason) == (By.events, 0.9, "data lost")
    sound = recording.answer([("order 9 opened", 2), ("order 9 paid", 1)])
    assert (sound.whole.verdict, sound.whole.confidence) == ("normal", 0.8)


def test_what_was_never_recorded_is_unknown(tmp_path: Path) -> None:
    recording = read_recordings([write_rows(tmp_path / "a.jsonl", make_rows())])["shop"]
    said = recording.answer([("a bolt from the blue", 1)]).events[0]
    assert (said.verdict, said.confidence, said.reason, said.known) == ("normal", 0.5, "unknown", False)


def make_window(lines: dict[str, int], **fields: Any) -> dict[str, Any]:
    """A recorded window of these lines."""
    hashed = {text_hash(text): count for text, count in lines.items()}
    row = {"kind": "window", "system": "shop", "sha256": "0" * 16, "texts": to_field(hashed)}
    return {**row, "verdict": "normal", "confidence": 0.7, "reason": "paid later", **fields}


def test_a_recorded_window_goes_before_sessions_and_events(tmp_path: Path) -> None:
    texts = {"order 9 opened": 1, "order 9 closed": 1}
    window = make_window(texts, anomalous={text_hash("order 9 closed"): 0.8})
    recording = read_recordings([write_rows(tmp_path / "a.jsonl", [window, *make_rows()])])["shop"]
    answered = recording.answer(list(texts.items()))
    assert (answered.by, answered.whole.verdict, answered.whole.reason) == (By.window, "normal", "paid later")
    assert [(each.verdict, each.confidence) for each in answered.events] == [("normal", 0.95), ("anomalous", 0.8)]
    other = recording.answer([("order 8 opened", 1), ("order 8 closed", 1)])
    assert (other.by, other.whole.verdict) == (By.session, "anomalous")


def test_a_window_is_found_in_another_order_of_its_templates_and_a_new_line_has_its_events_verdict(
    tmp_path: Path,
) -> None:
    rows = [*make_rows(), make_window({"order 9 opened": 2, "order 9 paid": 1, "order 9 closed": 1})]
    recording = read_recordings([write_rows(tmp_path / "a.jsonl", rows)])["shop"]
    answered = recording.answer([("order 9 closed", 1), ("card 9 refused by bank", 1), ("order 9 opened", 2)])
    assert (answered.by, answered.whole.confidence) == (By.window, 0.7)
    assert [(each.verdict, each.confidence) for each in answered.events] == [
        ("normal", 0.95), ("anomalous", 0.6), ("normal", 0.95),
    ]  # fmt: skip


def test_several_files_and_systems_are_one_recording_each(tmp_path: Path) -> None:
    other = [{**make_rows()[0], "system": "shed"}]
    files = [write_rows(tmp_path / "a.jsonl", make_rows()), write_rows(tmp_path / "b.jsonl", other)]
    assert {name: len(recording.events) for name, recording in read_recordings(files).items()} == {"shop": 5, "shed": 1}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"verdict": "odd"}, r"line 2: verdict is 'odd': invalid enum value"),
        ({"confidence": 7}, r"line 2: confidence is 7: expected `float` <= 1"),
        ({"key": "E1"}, r"line 2: key is 'E1', which an earlier line has too"),
        ({"kind": "evnet"}, r"line 2: kind is 'evnet'"),
        (
            {"kind": "session", "events": [["E1", 0]]},
            r"line 2: events\[0\]\[1\] is \[\['E1', 0\]\]: expected `int` >= 1",
        ),
        (make_window({"order 9 paid": 1}, sha256="none"), r"line 2: sha256 is 'none'"),
        (make_window({"order 9 paid": 1}, texts=""), r"line 2: texts is ''"),
        (make_window({"order 9 paid": 1}, texts="abcdef*0"), r"line 2: texts is 'abcdef\*0'"),
        (
            make_window({"order 9 paid": 1}, anomalous={"abcdef": 1}),
            r"line 2: anomalous has 'abcdef', which is not among its texts",
        ),
        (make_window({"order 9 paid": 1}, anomalous={"abcdef": 2}), r"line 2: anomalous\[...\] is \{'abcdef': 2\}"),
        ({"kind": "session", "events": [["E77", 1]]}, r"line 2: events has 'E77', which is no event of shop above it"),
    ],
)
def test_a_wrong_row_names_file_line_field_and_value(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    rows = make_rows()
    path = write_rows(tmp_path / "a.jsonl", [rows[0], {**rows[1], **change}])
    with pytest.raises(DataError, match=rf"a\.jsonl: {says}.*; "):
        read_recordings([path])


def test_a_system_that_a_file_lacks_is_one_sentence(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "a.jsonl", make_rows())
    with pytest.raises(DataError, match="no row of shed in it; it has shop"):
        recording_of("shed", path)


def test_a_line_that_is_no_json_and_a_file_that_is_none_are_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(make_rows()[0]) + "\n\n{oops\n", encoding="utf-8")
    with pytest.raises(DataError, match="line 3 is no row"):
        read_recordings([path])
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_recordings([tmp_path / "none.jsonl"])
