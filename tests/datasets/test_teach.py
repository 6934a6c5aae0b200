import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from datasets.teach.__main__ import main
from datasets.teach.answers import checked, read_answers
from datasets.teach.ask import answer_of, ask, asking, batches, left_of
from datasets.teach.bind import OldRecording, bind, write_rows
from datasets.teach.questions import AskedUnit, asked_units, listed, shuffled
from datasets.teach.sheets import write_sheets
from fusionlog.data.systems import read_catalog, read_sessions, session_windows
from fusionlog.errors import DataError, SettingError, TeacherError
from fusionlog.online.question_texts import question_texts, questions_without_release
from fusionlog.settings import IngestSettings, LabelSettings
from fusionlog.teachers.base import EventVerdict, Verdict, unit_of
from fusionlog.teachers.recorded.chat import RecordedTeacher
from fusionlog.teachers.recorded.constant_words import shown, template
from fusionlog.teachers.recorded.recordings import By, RecordedWindow, read_recordings, recording_of
from fusionlog.teachers.recorded.server import InjectedFaults, serving
from tests.datasets.shop import make_data
from tests.teachers.factories import make_rows, make_settings
from tests.teachers.factories import write_rows as write_json
from tests.teachers.fake_endpoint import TRUNCATED, Reply, fake_endpoint

ROOT = Path(__file__).parents[2]
REFUSED = "10:02:02 ERROR s3 order 19 not paid: card refused"


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return make_data(tmp_path / "data")


def make_answers(asked: list[AskedUnit], **changes: Any) -> list[dict[str, Any]]:
    """A reader's answers on the shop: the refused card and the order that nobody paid are anomalous."""
    answers = []
    for each in asked:
        bad = each.question.session in ("s3", "s4")
        events = {id: 0.9 for id, text in each.texts.items() if "refused" in text}
        answers.append(
            {
                "q": each.number, "sha256": each.question.sha256, "label": "anomalous" if bad else "normal",
                "confidence": 0.8, "reason": "not paid" if bad else "", "events": events,
            }
        )  # fmt: skip
    answers[0] |= changes
    return answers


def make_verdicts(data: Path, out: Path) -> Path:
    asked = asked_units(data, "shop")
    answers = write_json(out.with_suffix(".answers"), make_answers(asked))
    write_rows(bind("shop", checked("shop", asked, list(read_answers([answers])))), out)
    return out


def test_questions_are_those_of_the_label_worker_in_order_and_need_no_label(tmp_path: Path) -> None:
    data = make_data(tmp_path / "data", labels=False)
    asked = asked_units(data, "shop")
    system, sessions = read_catalog(data)["shop"], read_sessions(data, "shop")
    windows = session_windows("shop", system, sessions, IngestSettings())
    label = LabelSettings(pseudonyms=False)
    sent = question_texts(windows, questions_without_release("shop", system, label))
    assert [each.question for each in asked] == list(sent)
    assert [each.question.session for each in asked] == [session.id for session in sessions]
    assert [each.number for each in asked] == [0, 1, 2, 3]
    assert asked[0].counts == [(event.text, event.count) for event in unit_of(windows[0], system).events]


def test_without_evidence_a_question_has_the_lines_and_counts_alone(data: Path) -> None:
    with_evidence, without = asked_units(data, "shop"), asked_units(data, "shop", evidence=False)
    assert any("level" in event for event in with_evidence[2].sent["events"])
    assert {key for each in without for event in each.sent["events"] for key in event} == {"id", "text", "count"}


def test_sheets_have_the_task_once_and_every_question_word_for_word_in_an_order_of_the_seed(
    data: Path, tmp_path: Path
) -> None:
    asked = asked_units(data, "shop")
    write_sheets(shuffled(asked, None, 7), 3, tmp_path / "out")
    texts = [path.read_text(encoding="utf-8") for path in sorted((tmp_path / "out").glob("sheet-*.txt"))]
    assert [text.count("You judge log sessions") for text in texts] == [1, 1]
    assert all("Alert when an order is not paid." in text for text in texts)
    whole, index = "\n".join(texts), rows(tmp_path / "out" / "questions.jsonl")
    for each in asked:
        assert f"## q {each.number}, sha256 {each.question.sha256}\n{each.question.messages[1]['content']}\n" in whole
    assert [row["sheet"] for row in index] == ["sheet-001.txt"] * 3 + ["sheet-002.txt"]
    assert [row["q"] for row in index] == [each.number for each in shuffled(asked, None, 7)] != [0, 1, 2, 3]
    assert {row["q"]: row["sha256"] for row in index} == {each.number: each.question.sha256 for each in asked}


def test_a_sheet_explains_the_keys_of_all_its_questions(data: Path, tmp_path: Path) -> None:
    asked = asked_units(data, "shop")
    [path] = write_sheets(asked, 100, tmp_path / "out")
    assert "- level: " in path.read_text(encoding="utf-8")
    assert "- level: " not in asked[0].question.messages[0]["content"]


def test_a_sample_is_drawn_by_the_seed(data: Path) -> None:
    asked = asked_units(data, "shop")
    assert shuffled(asked, 2, 1) == shuffled(asked, None, 1)[:2]
    with pytest.raises(SettingError, match="there are 4 questions"):
        shuffled(asked, 5, 1)


def test_a_part_is_named_by_a_file_of_numbers_questions_or_answers(data: Path, tmp_path: Path) -> None:
    asked, path = asked_units(data, "shop"), tmp_path / "part"
    for content in ("2\n0\n\n2\n", '{"q": 2, "sheet": "x"}\n{"q": 0}\n'):
        path.write_text(content, encoding="utf-8")
        assert [each.number for each in listed(asked, path)] == [0, 2]
    for content, says in (("1\nx\n", "line 2: "), ("4\n", "line 1: there is no question 4")):
        path.write_text(content, encoding="utf-8")
        with pytest.raises(DataError, match=says):
            listed(asked, path)
    with pytest.raises(DataError, match="cannot be read: No such file"):
        listed(asked, tmp_path / "none")


def test_no_module_but_the_score_takes_anything_from_what_has_the_labels() -> None:
    """Only `score` opens labels; no module imports the recorders, whose ledger has them."""
    for path in (ROOT / "datasets" / "teach").glob("*.py"):
        names = {node.module for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)}
        assert not {name for name in names if name and name.startswith("datasets.record")}
        assert "causes" not in path.read_text()
        assert path.name == "score.py" or "read_labels" not in path.read_text()


def test_an_unknown_system_is_one_sentence(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["questions", "shed", "--data", str(data), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert said.startswith("teach: ") and "no system 'shed'; it has shop" in said


def test_every_answer_comes_back_as_it_was_given(data: Path, tmp_path: Path) -> None:
    recording = recording_of("shop", make_verdicts(data, tmp_path / "v.jsonl"))
    found = {each.question.session: recording.answer(each.counts) for each in asked_units(data, "shop")}
    assert {answer.by for answer in found.values()} == {By.window}
    assert {session: (answer.whole.verdict, answer.whole.confidence) for session, answer in found.items()} == {
        "s1": ("normal", 0.8), "s2": ("normal", 0.8), "s3": ("anomalous", 0.8), "s4": ("anomalous", 0.8),
    }  # fmt: skip
    assert [(event.verdict, event.confidence) for event in found["s3"].events] == [
        ("normal", 0.95), ("anomalous", 0.9),
    ]  # fmt: skip
    assert found["s4"].whole.reason == "not paid"


def test_a_recording_keeps_the_hash_of_each_question_and_short_reasons(data: Path, tmp_path: Path) -> None:
    asked = asked_units(data, "shop")
    answers = write_json(tmp_path / "a.jsonl", make_answers(asked, reason="why " * 100))
    found = bind("shop", checked("shop", asked, list(read_answers([answers]))))
    windows = [row for row in found if isinstance(row, RecordedWindow)]
    assert [row.sha256 for row in windows] == [each.question.sha256[:16] for each in asked]
    assert max(len(row.reason) for row in windows) == 120


def test_a_window_that_was_never_asked_about_is_answered_by_the_kinds_of_its_events(data: Path, tmp_path: Path) -> None:
    recording = recording_of("shop", make_verdicts(data, tmp_path / "v.jsonl"))
    answer = recording.answer([("11:00:01 INFO s9 order 77 opened by ann", 1), (REFUSED.replace("19", "77"), 1)])
    assert (answer.by, answer.whole.verdict, answer.whole.reason) == (By.events, "anomalous", "not paid")
    assert [event.known for event in answer.events] == [True, True]


def test_what_was_not_asked_keeps_the_old_verdict_with_its_source(data: Path, tmp_path: Path) -> None:
    old = write_json(tmp_path / "old.jsonl", make_rows())
    asked = asked_units(data, "shop")
    answers = write_json(tmp_path / "a.jsonl", make_answers(asked)[:2])
    pairs = checked("shop", asked[:2], list(read_answers([answers])))
    write_rows(bind("shop", pairs, asked[2:], OldRecording("old", recording_of("shop", old))), tmp_path / "v.jsonl")
    recording, before = recording_of("shop", tmp_path / "v.jsonl"), recording_of("shop", old)
    found = [recording.answer(each.counts) for each in asked]
    assert [answer.taken_over for answer in found] == ["", "", "old", "old"]
    assert [answer.whole for answer in found[2:]] == [before.answer(each.counts).whole for each in asked[2:]]
    assert (row := recording.find("ledger 3 damaged badly")) is not None and row.verdict == "anomalous"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda given: given[1:], "missing: 0"),
        (lambda given: [*given, given[1]], "twice: 1"),
        (lambda given: [*given, {**given[1], "q": 9}], "not among the questions: 9"),
        (lambda given: [{**given[0], "sha256": given[1]["sha256"]}, *given[1:]], "of another question, by its hash: 0"),
        (lambda given: [{**given[0], "events": {"7": 1}}, *given[1:]], "with an event that the question lacks: 0"),
        (lambda given: [{**given[0], "label": "fine"}], r"line 1 is no answer: .*fine"),
        (lambda given: [{**given[0], "confidence": 90}], r"line 1 is no answer: .*`\$.confidence`"),
        (lambda given: [{**given[0], "events": {"1": -1}}], r"line 1 is no answer: .*`\$.events"),
        (lambda given: [{**given[0], "sha256": ""}], r"line 1 is no answer: .*`\$.sha256`"),
        (lambda given: [{**given[0], "reader": "ann"}], r"line 1 is no answer: .*reader"),
    ],
)
def test_an_answer_that_is_missing_or_wrong_is_named(
    data: Path, tmp_path: Path, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]], says: str
) -> None:
    asked = asked_units(data, "shop")
    path = write_json(tmp_path / "a.jsonl", change(make_answers(asked)))
    with pytest.raises(DataError, match=says):
        checked("shop", asked, list(read_answers([path])))


def test_answers_on_a_question_without_evidence_are_refused_for_those_with_it(data: Path, tmp_path: Path) -> None:
    path = write_json(tmp_path / "a.jsonl", make_answers(asked_units(data, "shop", evidence=False)))
    with pytest.raises(DataError, match="of another question, by its hash: "):
        checked("shop", asked_units(data, "shop"), list(read_answers([path])))


def test_the_commands_lead_from_questions_to_a_score(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where, verdicts = ["shop", "--data", str(data)], data / "shop" / "verdicts.jsonl"
    answers = write_json(tmp_path / "a.jsonl", make_answers(asked_units(data, "shop")))
    assert main(["questions", *where, "--out", str(tmp_path / "out"), "--size", "3"]) == 0
    assert main(["check", *where, str(answers)]) == 0
    assert main(["bind", *where, str(answers), "--out", str(verdicts)]) == 0
    assert main(["score", *where]) == 0
    said = capsys.readouterr().out
    assert "4 questions on 2 sheets" in said and "4 answers, one on each question" in said
    assert "| both | 4 | 2 | 1.000 | 1.000 | 1.000 | 1.000 | 0.500 | 0.667 |" in said
    assert "4 windows: 4 answered as recorded windows, 0 as recorded sessions, 0 by their events; 0 events" in said
    assert main(["check", *where, str(answers), "--sample", "2"]) == 2
    assert "not among the questions" in capsys.readouterr().err


def test_a_sample_is_scored_on_its_own_sessions(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    verdicts = make_verdicts(data, tmp_path / "v.jsonl")
    words = ["score", "shop", "--data", str(data), "--verdicts", str(verdicts), "--sample", "2", "--seed", "3"]
    assert main(words) == 0
    assert "| both | 2 | " in capsys.readouterr().out
    (tmp_path / "part").write_text("2\n", encoding="utf-8")
    assert main([*words[:-4], "--only", str(tmp_path / "part")]) == 0
    assert "| both | 1 | 1 | " in capsys.readouterr().out


async def test_an_endpoint_is_asked_the_very_questions_each_in_a_call_of_its_own(data: Path, tmp_path: Path) -> None:
    asked = asked_units(data, "shop")
    with fake_endpoint() as endpoint:
        settings = asking(make_settings(endpoint.url), endpoint.url, "tiny")
        assert await ask(asked, settings, tmp_path / "a.jsonl") == []
        sent = [request["messages"] for request in endpoint.requests]
    assert sorted(map(str, sent)) == sorted(str(each.question.messages) for each in asked)
    assert len(checked("shop", asked, list(read_answers([tmp_path / "a.jsonl"])))) == len(asked)


async def test_what_was_answered_is_not_asked_again_and_a_half_line_is(data: Path, tmp_path: Path) -> None:
    asked, out = asked_units(data, "shop"), tmp_path / "a.jsonl"
    lines = [json.dumps(answer) for answer in make_answers(asked)]
    out.write_text(f"{lines[0]}\n{lines[1]}\n{lines[2][:50]}", encoding="utf-8")
    with fake_endpoint() as endpoint:
        await ask(asked, asking(make_settings(endpoint.url), endpoint.url, "tiny"), out)
        assert len(endpoint.requests) == 2
    assert [answer.q for answer in read_answers([out])] == [0, 1, 2, 3]
    other = asked_units(data, "shop", evidence=False)
    with pytest.raises(DataError, match="the answer on question 2 is of another question"):
        left_of(other, out)


async def test_an_endpoint_that_is_away_ends_the_asking_and_one_bad_answer_does_not(data: Path, tmp_path: Path) -> None:
    asked, out = asked_units(data, "shop"), tmp_path / "a.jsonl"
    with fake_endpoint() as endpoint:
        settings = asking(make_settings(endpoint.url, retries=0), endpoint.url, "tiny")
        endpoint.otherwise = Reply(status=401)
        with pytest.raises(TeacherError, match="the same command goes on from here"):
            await ask(asked, settings, out)
        endpoint.otherwise = Reply()
        endpoint.accepts = lambda request: TRUNCATED if "card refused" in str(request) else None
        assert len(await ask(asked, settings, out)) == 1
    assert {answer.q for answer in read_answers([out])} == {0, 1, 3}


async def test_a_recorded_teacher_can_be_asked_and_its_answers_recorded(data: Path, tmp_path: Path) -> None:
    verdicts, asked = make_verdicts(data, tmp_path / "v.jsonl"), asked_units(data, "shop")
    async with serving(RecordedTeacher(read_recordings([verdicts])), InjectedFaults(), "127.0.0.1", 0) as url:
        await ask(asked, asking(make_settings(url), url, "recorded"), tmp_path / "again.jsonl")
    write_rows(bind("shop", checked("shop", asked, list(read_answers([tmp_path / "again.jsonl"])))), tmp_path / "w")
    one, two = recording_of("shop", verdicts), recording_of("shop", tmp_path / "w")
    assert [one.answer(each.counts) for each in asked] == [two.answer(each.counts) for each in asked]


def test_windows_with_the_same_lines_go_into_different_batches(data: Path) -> None:
    asked = asked_units(data, "shop")
    assert [len(batch) for batch in batches([*asked, asked[0], asked[1]])] == [4, 2]


def test_the_events_of_an_answer_are_counted_as_in_the_question(data: Path) -> None:
    each = asked_units(data, "shop")[2]
    unit = msgspec.structs.replace(
        each.unit, events=tuple(msgspec.structs.replace(event, id=event.id + 10) for event in each.unit.events)
    )
    verdict = Verdict(0.9, 0.9, "not paid", (EventVerdict(11, 0.1), EventVerdict(12, 0.8)))
    answer = answer_of(AskedUnit(each.number, each.question, unit), verdict)
    assert (answer.label, answer.events) == ("anomalous", {2: 0.8})


@pytest.mark.parametrize("system", ["kafka", "postfix", "postgresql"])
def test_every_line_of_a_bundled_system_is_found(system: str) -> None:
    """The events of a recording find each line of the system again, in the form that workers send it too."""
    recording = recording_of(system, ROOT / "datasets" / system / "verdicts-of-shapes.jsonl")
    for session in read_sessions(ROOT / "datasets", system)[::10]:
        assert None not in [recording.find(line) for line in session.lines]
        for line in session.lines[:1]:
            assert recording.find(shown(line)) == recording.find(line) == recording.find(template(line))
    assert len(recording.events) < 600
