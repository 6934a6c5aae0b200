from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from benchmarks.choose import left_out, main

APP = typer.Typer()
APP.command()(main)


def file(folder: Path, name: str, **f1: float) -> str:
    rows = [
        {"target": target, "method": "m", "protocol": "inductive", "ratio": "natural", "f1": value, "llm_calls": 3}
        for target, value in f1.items()
    ]
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"rows": [*rows, {**rows[0], "ratio": "balanced", "f1": 0.0}], "mean": {}}))
    return str(path)


def test_a_target_has_no_part_in_its_own_choice() -> None:
    choices = {"low": {"a": 0.9, "b": 0.2, "c": 0.2}, "high": {"a": 0.1, "b": 0.5, "c": 0.5}}
    assert left_out(choices) == {"a": ("high", 0.1), "b": ("low", 0.2), "c": ("low", 0.2)}


def test_the_table_has_every_choice_and_what_leaving_one_out_reaches(tmp_path: Path) -> None:
    files = [file(tmp_path, "low", a=0.9, b=0.2, c=0.2), file(tmp_path, "high", a=0.1, b=0.5, c=0.6)]
    done = CliRunner().invoke(APP, ["--method", "m", "--json", str(tmp_path / "out"), *files])
    assert done.exit_code == 0, done.output
    assert "| low | 0.900 | 0.200 | 0.200 | 0.433 | 3.0 |" in done.output
    assert "| one left out | 0.100 (high) | 0.200 (low) | 0.200 (low) | 0.167 | |" in done.output
    assert json.loads((tmp_path / "out").read_text())["baseline"] == "low"


@pytest.mark.parametrize("method", ["n", "m"])
def test_a_file_without_the_method_or_with_other_targets_is_named(tmp_path: Path, method: str) -> None:
    files = [file(tmp_path, "one", a=0.9), file(tmp_path, "two", b=0.9)]
    done = CliRunner().invoke(APP, ["--method", method, *files])
    assert done.exit_code == 2 and ("no row of n" if method == "n" else "different targets") in done.output
