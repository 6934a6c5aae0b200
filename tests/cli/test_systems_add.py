"""`fusionlog systems add`: the entry on stdout, the reasons on stderr, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
import yaml
from typer.testing import CliRunner, Result

from fusionlog.cli.systems_add import add
from fusionlog.errors import DataError, SettingError
from fusionlog.settings import read_systems
from tests.onboarding.samples import ids, lines, written_json

TRACES = ids("hex32")

app = typer.Typer()
app.command()(add)


def run(*words: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, list(words))


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    path = tmp_path / "shop.log"
    path.write_bytes(b"\n".join(lines(lambda step: written_json(step, trace_id=TRACES[step.unit]))) + b"\n")
    return path


def test_the_entry_is_yaml_and_the_ranking_is_beside_it(sample: Path) -> None:
    result = run("shop", str(sample))
    assert result.exit_code == 0, result.output
    assert yaml.safe_load(result.stdout)["shop"]["session_field"] == "trace_id"
    for word in ("confidence", "candidates of the session key", "trace_id", "100.0%", "fusionlog systems check"):
        assert word in result.stderr


def test_the_entry_is_appended_to_a_file_once(sample: Path, tmp_path: Path) -> None:
    path = tmp_path / "systems.yaml"
    assert run("shop", str(sample), "--write", str(path)).exit_code == 0
    assert list(read_systems(path)) == ["shop"]
    again = run("shop", str(sample), "--write", str(path))
    assert isinstance(again.exception, SettingError)
    assert run("shop2", str(sample), "--write", str(path)).exit_code == 0
    assert list(read_systems(path)) == ["shop", "shop2"]


def test_a_small_sample_is_low_confidence_and_another_exit_code(sample: Path) -> None:
    result = run("shop", str(sample), "--records", "40")
    assert result.exit_code == 1
    assert yaml.safe_load(result.stdout)["shop"]["session_field"] == "trace_id"


def test_kafka_records_as_json_lines_are_a_sample(sample: Path, tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    values = sample.read_text(encoding="utf-8").splitlines()
    records = (
        {"value": value, "key": None, "timestamp": 1772000000000 + 100 * number} for number, value in enumerate(values)
    )
    path.write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    assert yaml.safe_load(run("shop", str(path)).stdout)["shop"]["session_field"] == "trace_id"


def test_wrong_names_and_files_are_one_sentence(sample: Path, tmp_path: Path) -> None:
    assert isinstance(run("no", str(sample)).exception, SettingError)
    assert isinstance(run("shop", str(tmp_path / "none.log")).exception, DataError)
    (tmp_path / "empty.log").write_bytes(b"\n\n")
    assert isinstance(run("shop", str(tmp_path / "empty.log")).exception, DataError)
