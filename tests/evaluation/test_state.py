import json
from pathlib import Path

import pytest

from fusionlog.errors import DataError
from fusionlog.evaluation.matrix import make_tasks
from fusionlog.evaluation.runner import Runner
from fusionlog.evaluation.state import State, state_path, write_predictions, write_table
from fusionlog.settings import DistillSettings, Settings
from tests.encoders import WordEncoder


async def test_what_is_done_is_there_again_and_a_torn_line_is_not(tmp_path: Path, data: Path, workshop: Runner) -> None:
    path = state_path(tmp_path / "out.json")
    assert path is not None and path.name == "out.json.state.jsonl"
    tasks = make_tasks(data, ["shop"], methods=["keyword", "new-event"])
    done = [await workshop.do(task) for task in tasks]
    state = State(path)
    for each in done:
        state.put(each)
    assert [State(path).get(each.key) for each in done] == done

    path.write_bytes(path.read_bytes()[:-20])
    torn = State(path)
    assert (len(torn), torn.get(done[-1].key)) == (len(done) - 1, None)
    torn.put(done[-1])
    assert len(State(path)) == len(done)


async def test_what_other_code_or_other_settings_did_is_passed_over_and_said(
    tmp_path: Path, data: Path, workshop: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = make_tasks(data, ["shop"], methods=["keyword"])
    state = State(tmp_path / "x.state.jsonl")
    for task in tasks:
        state.put(await workshop.do(task))
    assert state.passed_over({task: workshop.key(task) for task in tasks}) is None
    other = Runner(Settings(distill=DistillSettings(steps=7)), WordEncoder())
    said = state.passed_over({task: other.key(task) for task in tasks})
    assert said is not None and "2 of its runs" in said and "0 of them by other code and 2 with other data" in said
    for module in ("matrix", "state"):
        monkeypatch.setattr(f"fusionlog.evaluation.{module}.fingerprint", lambda: "other")
    assert state.get(workshop.key(tasks[0])) is None
    said = State(tmp_path / "x.state.jsonl").passed_over({task: workshop.key(task) for task in tasks})
    assert said is not None and "x.state.jsonl: 2 of its runs" in said and "2 of them by other code" in said


async def test_the_table_and_the_predictions(tmp_path: Path, data: Path, workshop: Runner) -> None:
    done = [await workshop.do(task) for task in make_tasks(data, ["shop"], methods=["keyword"])]
    write_table(tmp_path / "out.json", done)
    write_predictions(tmp_path / "said.jsonl", done)
    table = json.loads((tmp_path / "out.json").read_text())
    assert len(table["rows"]) == 8 and table["mean"]["f1"] == 1.0
    said = [json.loads(line) for line in (tmp_path / "said.jsonl").read_text().splitlines()]
    assert said[4] == {
        "target": "shop", "method": "keyword", "fold": "forward", "seed": 0, "id": "s19", "score": 0.5,
        "anomalous": True, "route": "general",
    }  # fmt: skip
    assert len(said) == 30 and not list(tmp_path.glob("*.part"))


def test_another_file_is_not_taken_for_a_state(tmp_path: Path) -> None:
    path = tmp_path / "x.state.jsonl"
    path.write_text('{"rows": []}\n')
    with pytest.raises(DataError, match="remove it"):
        State(path)
