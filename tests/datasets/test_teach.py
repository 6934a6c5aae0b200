import ast
import json
import subprocess
import sys
from pathlib import Path

from datasets.teach.sheet import excerpt, make_sheet, write_sheet
from tests.datasets.shop import make_data

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
    assert "Alert when an order is not paid." in (tmp_path / "sheet" / "policy.md").read_text(encoding="utf-8")


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
