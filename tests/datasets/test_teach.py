import ast
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from datasets.teach import score
from datasets.teach.bind import bind, write_rows
from datasets.teach.events import Events
from datasets.teach.questions import session_questions, write_questions
from datasets.teach.score import ask
from datasets.teach.sheet import excerpt, make_sheet, write_sheet
from fusionlog.data.systems import read_catalog, read_sessions, session_windows
from fusionlog.errors import DataError
from fusionlog.settings import IngestSettings, LabelSettings
from fusionlog.teachers.base import unit_of
from fusionlog.teachers.recorded.constant_words import shown, template
from fusionlog.teachers.recorded.recordings import By, RecordedEvent, Recording, read_recordings
from fusionlog.utils.json_format import JsonFormat
from tests.datasets.shop import SESSIONS, make_data

ROOT = Path(__file__).parents[2]


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_sheet_is_made_where_there_is_no_label(tmp_path: Path) -> None:
    write_sheet(make_sheet(make_data(tmp_path / "data", labels=False), "shop"), tmp_path / "sheet")
    events, shapes = rows(tmp_path / "sheet" / "events.jsonl"), rows(tmp_path / "sheet" / "shapes.jsonl")
    assert [(event["key"], event["lines"], event["sessions"]) for event in events] == [
        ("E1", 4, 4), ("E2", 2, 2), ("E3", 3, 3), ("E4", 1, 1),
    ]  # fmt: skip
    assert events[0]["template"] == "<*> INFO <*> order <*> opened by ann"
    assert [(shape["key"], shape["sessions"], shape["events"]) for shape in shapes] == [
        ("S1", 2, [["E1", 1], ["E2", 1], ["E3", 1]]),
        ("S2", 1, [["E1", 1], ["E4", 1]]),
        ("S3", 1, [["E1", 1], ["E3", 1]]),
    ]
    assert shapes[0]["example"] == {"id": "s1", "lines": make_sheet(tmp_path / "data", "shop").shapes[0].lines}
    short = (tmp_path / "sheet" / "shapes.tsv").read_text(encoding="utf-8")
    assert short == "S1\t2\tE1 E2 E3\nS2\t1\tE1 E4\nS3\t1\tE1 E3\n"
    assert "Alert when an order is not paid." in (tmp_path / "sheet" / "policy.md").read_text(encoding="utf-8")


def test_questions_are_those_of_the_label_worker_in_order_and_need_no_label(tmp_path: Path) -> None:
    data = make_data(tmp_path / "data", labels=False)
    write_questions(session_questions(data, "shop", LabelSettings()), tmp_path / "questions.jsonl")
    found = rows(tmp_path / "questions.jsonl")
    assert [row["session"] for row in found] == [session.id for session in read_sessions(data, "shop")]
    system, sessions = read_catalog(data)["shop"], read_sessions(data, "shop")
    window = session_windows("shop", system, sessions, IngestSettings())[0]
    sent = json.loads(found[0]["messages"][-1]["content"].partition("\n")[2])
    events = json.loads(msgspec.json.encode(unit_of(window, system).events))
    assert sent == [{"system": "shop", "task": "label", "events": events}]
    assert len({row["sha256"] for row in found}) == len(found)


def test_a_long_example_is_cut_and_says_so() -> None:
    told = excerpt([f"line {place} " + "x" * 900 for place in range(100)])
    assert len(told) < 50
    assert all(len(line) <= 200 for line in told)
    assert "(55 lines left out)" in told


def test_the_sheet_takes_nothing_from_what_knows_the_labels() -> None:
    """Only `score` opens labels; no module imports the recorders, whose ledger has them."""
    for path in (ROOT / "datasets" / "teach").glob("*.py"):
        names = {node.module for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)}
        assert not {name for name in names if name and name.startswith("datasets.record")}
        assert "causes" not in path.read_text()
        assert path.name == "score.py" or "read_labels" not in path.read_text()


def test_an_unknown_system_is_one_sentence(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "datasets.teach", "sheet", "shed", "--data", str(make_data(tmp_path / "data"))]
    done = subprocess.run([*command, "--out", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("teach: ") and "no system 'shed'; it has shop" in done.stderr


def make_judgements(directory: Path, **tables: str) -> Path:
    """Judgements of the shop's sheet: the refused card and the two odd sessions are anomalous."""
    events = "E1,normal,0.9,\nE2,normal,0.9,\nE3,normal,0.9,\nE4,anomalous,0.8,card refused\n"
    shapes = 'S1,normal,0.9,whole\nS2,anomalous,0.9,"not paid, not done"\nS3,anomalous,0.7,no payment\n'
    directory.mkdir(exist_ok=True)
    for name, rows in {"events": events, "shapes": shapes, **tables}.items():
        (directory / f"{name}.csv").write_text(f"key,verdict,confidence,reason\n{rows}", encoding="utf-8")
    return directory


def make_verdicts(tmp_path: Path) -> Path:
    """The shop's data with its recorded verdicts, by the way that a reader's go."""
    data, out = make_data(tmp_path / "data"), tmp_path / "data" / "shop" / "verdicts.jsonl"
    write_sheet(make_sheet(data, "shop"), tmp_path / "sheet")
    write_rows(bind("shop", tmp_path / "sheet", make_judgements(tmp_path / "said")), out)
    return out


def test_what_the_reader_said_comes_back_for_every_line_and_session(tmp_path: Path) -> None:
    verdicts = make_verdicts(tmp_path)
    recording = read_recordings([verdicts])["shop"]
    text = JsonFormat(read_catalog(tmp_path / "data")["shop"].json_line).text
    found = {line: recording.find(text(line)) for lines in SESSIONS.values() for line in lines}
    assert None not in found.values()
    assert {line for line, row in found.items() if row and row.verdict == "anomalous"} == {SESSIONS["s3"][1]}
    answers = {session.session: session.answers for session in ask(tmp_path / "data", "shop", verdicts)}
    assert {name: [answer.whole.verdict for answer in said] for name, said in answers.items()} == {
        "s1": ["normal"], "s2": ["normal"], "s3": ["anomalous"], "s4": ["anomalous"],
    }  # fmt: skip
    assert {answer.by for said in answers.values() for answer in said} == {By.session}
    assert answers["s3"][0].whole.reason == "not paid, not done"


def test_a_session_whose_lines_one_template_covers_is_found_too(tmp_path: Path) -> None:
    """Two events by their words, one template of both: a worker shows the first line of it, with both lines' count."""
    lines = [
        "10:00:01 INFO s1 unit red took its part from the shelf",
        "10:00:02 INFO s1 unit blue took its part from the shelf",
    ]
    data = make_data(tmp_path / "data", sessions={"s0": [lines[0]], "s1": lines, "s2": [*lines, lines[0]]})
    write_sheet(make_sheet(data, "shop"), tmp_path / "sheet")
    said = make_judgements(
        tmp_path / "said",
        events="E1,normal,0.9,\nE2,normal,0.9,\n",
        shapes="S1,normal,1,one\nS2,normal,1,two\nS3,anomalous,1,three\n",
    )
    write_rows(bind("shop", tmp_path / "sheet", said), tmp_path / "verdicts.jsonl")
    answers = [answer for session in ask(data, "shop", tmp_path / "verdicts.jsonl") for answer in session.answers]
    assert [(answer.whole.reason, len(answer.events)) for answer in answers] == [("one", 1), ("two", 2), ("three", 1)]


def test_the_score_tells_whole_sessions_from_events_alone(tmp_path: Path) -> None:
    make_verdicts(tmp_path)
    told = score.main(tmp_path / "data", "shop", None)
    assert "| both | 4 | 2 | 1.000 | 1.000 | 1.000 | 1.000 | 0.500 | 0.667 |" in told
    assert "4 windows: 4 answered as a recorded session, 0 by their events; 0 events were unknown." in told


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        ({"events": "E1,normal,0.9,\n"}, r"events.csv: missing: E2, E3, E4"),
        ({"shapes": "S1,normal,1,\nS2,normal,1,\nS3,normal,1,\nS3,normal,1,\n"}, "shapes.csv: twice: S3"),
        ({"shapes": "S1,normal,1,\nS2,normal,1,\nS3,normal,1,\nS9,normal,1,\n"}, "not in the sheet: S9"),
        ({"events": "E1,fine,0.9,\n"}, "line 2: verdict is 'fine'"),
        ({"events": "E1,normal,90,\n"}, "line 2: confidence is '90'"),
        ({"events": "E1,normal,0.9,a, b\n"}, "line 2: more than 4 columns"),
    ],
)
def test_a_judgement_that_is_missing_or_wrong_is_named(tmp_path: Path, tables: dict[str, str], says: str) -> None:
    write_sheet(make_sheet(make_data(tmp_path / "data"), "shop"), tmp_path / "sheet")
    with pytest.raises(DataError, match=says):
        bind("shop", tmp_path / "sheet", make_judgements(tmp_path / "said", **tables))


@pytest.mark.parametrize("system", ["kafka", "postfix", "postgresql"])
def test_every_line_of_a_bundled_system_is_found(system: str) -> None:
    """A sheet's events, recorded, find each line of the system again, in the form that workers send it too."""
    sessions, events, recording = read_sessions(ROOT / "datasets", system)[::5], Events(), Recording()
    counts = [events.of_session(session.lines) for session in sessions]
    for event in events:
        row = RecordedEvent(
            system=system, key=event.key, text=event.template, examples=event.examples, verdict="normal", confidence=1.0
        )
        recording.add(row)
    for session, expected in zip(sessions, counts, strict=True):
        found = [recording.find(line) for line in session.lines]
        assert Counter(row.key for row in found if row) == expected
    for line in {line for session in sessions for line in session.lines[:2]}:
        assert recording.find(shown(line)) == recording.find(line) == recording.find(template(line))
    assert len(events) < 600
