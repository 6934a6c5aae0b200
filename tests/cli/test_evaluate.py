import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from click.testing import Result as Invoked
from typer.testing import CliRunner

from fusionlog.cli.main import app
from fusionlog.evaluation.runner import Runner
from tests.encoders import make_encoder
from tests.evaluation.factories import SYSTEMS, write_data, write_verdicts


@pytest.fixture
def data(tmp_path: Path) -> Path:
    directory = write_data(tmp_path / "data")
    for system in SYSTEMS[:2]:
        write_verdicts(directory, system)
    return directory


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    return make_encoder(tmp_path / "encoder")


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """The command says where its log goes; the next test has its own."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def evaluate(encoder: Path, *words: str) -> Invoked:
    env = {
        "FUSIONLOG_ENCODER": str(encoder), "FUSIONLOG_DISTILL__STEPS": "20", "FUSIONLOG_DISTILL__HIDDEN": "8",
    }  # fmt: skip
    return CliRunner(env=env).invoke(app, ["evaluate", *words])


def words(data: Path, out: Path, *more: str) -> list[str]:
    return [
        "--data", str(data), "--target", "shop", "--target", "farm", "--method", "llm-only", "--method", "keyword",
        "--method", "source-only", "--json", str(out), *more,
    ]  # fmt: skip


def test_methods_on_targets_are_a_table_rows_and_predictions(data: Path, encoder: Path, tmp_path: Path) -> None:
    out, said = tmp_path / "out.json", tmp_path / "said.jsonl"
    done = evaluate(encoder, *words(data, out, "--predictions", str(said), "--seeds", "2"))
    assert done.exit_code == 0, done.output
    assert "llm-only, teacher: offline, recorded" in done.output and "shop" in done.output
    rows = json.loads(out.read_text())["rows"]
    assert len(rows) == 2 * 3 * 2 * 2 * 4
    assert {row["teacher"] for row in rows if row["target"] == "shop"} == {"recorded", "none"}
    assert {row["teacher"] for row in rows if row["target"] == "farm"} == {"offline", "none"}
    assert len(said.read_text().splitlines()) == 2 * 3 * 2 * 30
    assert "recorded verdicts: 36 units: 0.0 % by window, 0.0 % by session, 100.0 % by events" in done.output


def test_another_recording_is_the_teacher_of_figures_of_its_own(data: Path, encoder: Path, tmp_path: Path) -> None:
    older = (data / "shop" / "verdicts.jsonl").read_text().replace("anomalous", "normal")
    (data / "shop" / "older.jsonl").write_text(older)
    out = tmp_path / "out.json"
    asked = ["--data", str(data), "--target", "shop", "--method", "llm-only", "--json", str(out)]
    assert evaluate(encoder, *asked).exit_code == 0
    newer = json.loads(out.read_text())["rows"]
    done = evaluate(encoder, *asked, "--verdicts", "older.jsonl")
    assert done.exit_code == 0, done.output
    assert sum(row["recall"] for row in newer) > sum(row["recall"] for row in json.loads(out.read_text())["rows"])


def test_a_run_that_was_interrupted_leaves_a_whole_file_and_goes_on(
    data: Path, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, do, done = tmp_path / "out.json", Runner.do, []

    async def some(self: Runner, task: object) -> object:
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(task)
        return await do(self, task)

    monkeypatch.setattr(Runner, "do", some)
    interrupted = evaluate(encoder, *words(data, out))
    assert interrupted.exit_code == 130 and "after 3 of 12 runs" in interrupted.output
    assert len(json.loads(out.read_text())["rows"]) == 12

    monkeypatch.setattr(Runner, "do", do)
    assert evaluate(encoder, *words(data, out)).exit_code == 0
    whole = out.read_bytes()
    assert len(json.loads(whole)["rows"]) == 48

    monkeypatch.setattr(Runner, "do", None)
    assert evaluate(encoder, *words(data, out)).exit_code == 0, "what is done is not done again"
    assert out.read_bytes() == whole


def test_a_report_is_one_page_with_its_plots(data: Path, encoder: Path, tmp_path: Path) -> None:
    done = evaluate(encoder, *words(data, tmp_path / "out.json", "--report", str(tmp_path / "report")))
    assert done.exit_code == 0, done.output
    page = (tmp_path / "report" / "report.html").read_text()
    assert page.count("<svg") == 3 and "source-only" in page
    assert "<script" not in page and "<link" not in page and "<img" not in page
    text = (tmp_path / "report" / "report.md").read_text()
    for name in ("precision-recall", "cost", "similarities"):
        assert f"({name}.svg)" in text and (tmp_path / "report" / f"{name}.svg").read_text().startswith("<svg")
    assert "| llm-only |" in text


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--json", "/nowhere/out.json"], "--json"),
        (["--method", "magic"], "--method"),
        (["--data", "/nowhere"], "no such directory"),
        (["--offline", "--llm-url", "http://127.0.0.1:1/v1"], "names another teacher"),
        (["--verdicts", "verdicts.jsonl"], "farm has no such file; recorded verdicts there: none"),
        (["--verdicts", "old.jsonl", "--target", "shop"], "recorded verdicts there: verdicts.jsonl"),
        (["--verdicts", "verdicts.jsonl", "--offline"], "--offline is another teacher"),
        (["--verdicts", "verdicts.jsonl", "--llm-url", "http://127.0.0.1:1/v1"], "is another teacher"),
    ],
)
def test_what_cannot_be_is_one_sentence(more: list[str], said: str, data: Path, encoder: Path) -> None:
    done = evaluate(encoder, "--data", str(data), *more)
    assert done.exit_code != 0 and said in str(done.exception)


def test_a_report_without_what_draws_it_is_refused_before_anything_is_run(data: Path, tmp_path: Path) -> None:
    program = "import sys; sys.modules['matplotlib'] = None; from fusionlog.cli.main import main; main()"
    words = [sys.executable, "-c", program, "evaluate", "--data", str(data), "--report", str(tmp_path / "report")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "pip install 'fusionlog[report]'" in " ".join(done.stderr.split())
