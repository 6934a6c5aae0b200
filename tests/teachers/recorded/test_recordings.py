from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fusionlog.errors import DataError
from fusionlog.teachers.recorded.recordings import By, read_recordings
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
        ({"kind": "session", "events": [["E77", 1]]}, r"line 2: events has 'E77', which is no event of shop above it"),
    ],
)
def test_a_wrong_row_names_file_line_field_and_value(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    rows = make_rows()
    path = write_rows(tmp_path / "a.jsonl", [rows[0], {**rows[1], **change}])
    with pytest.raises(DataError, match=rf"a\.jsonl: {says}.*; "):
        read_recordings([path])


def test_a_line_that_is_no_json_and_a_file_that_is_none_are_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(make_rows()[0]) + "\n\n{oops\n", encoding="utf-8")
    with pytest.raises(DataError, match="line 3 is no row"):
        read_recordings([path])
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_recordings([tmp_path / "none.jsonl"])
