"""`fusionlog scan`: the incidents of a file as JSON, page and screen, without Kafka, YAML, Ray and torch."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from fusionlog.cli.scan import scan
from fusionlog.errors import DataError, SettingError
from fusionlog.settings import read_systems
from tests.onboarding.scan.orders import FAILED, ORDERS, WITHOUT_PAYMENT, order_lines, session_of

app = typer.Typer()
app.command()(scan)

WITHOUT = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {
            "aiohttp", "aiokafka", "cramjam", "faust", "httpx2", "mode", "onnxscript", "openai", "ray", "scipy",
            "sentence_transformers", "sklearn", "threadpoolctl", "torch", "yaml",
        }:
            raise ImportError(f"a scan has no {name}")

sys.meta_path.insert(0, Refuse())
from fusionlog.cli.main import main
sys.argv = ["fusionlog", "scan", "-", "--json", "--fail-on", "critical"]
main()
"""


def run(*words: str, **options: object) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, list(words), **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scan") / "orders.log"
    path.write_bytes(b"\n".join(order_lines()) + b"\n")
    return path


@pytest.fixture(scope="module")
def document(log: Path) -> dict[str, object]:
    """What `--json` prints in a process that has none of the libraries that a scan must not need."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], input=log.read_bytes(), capture_output=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr.decode()
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_the_document_has_the_keys_of_the_contract(document: dict[str, object]) -> None:
    assert list(document) == ["lines", "sessions", "assumed", "anomalies", "incidents", "seconds"]
    assumed, incidents = document["assumed"], document["incidents"]
    assert isinstance(assumed, dict) and isinstance(incidents, list)
    assert list(assumed) == ["format", "header", "session", "window", "multiline", "timezone"]
    for each in incidents:
        assert list(each) == ["title", "severity", "first_seen", "last_seen", "windows", "session_ids", "events"]
        assert len(each["title"]) <= 80
        assert {key for event in each["events"] for key in event} == {"text", "count", "absent"}
    assert document["sessions"] == ORDERS


def test_the_incidents_are_those_of_the_sessions_that_are_wrong(document: dict[str, object]) -> None:
    incidents = document["incidents"]
    assert isinstance(incidents, list)
    sessions = {session for each in incidents for session in each["session_ids"]}
    assert sessions == {session_of(order) for order in (WITHOUT_PAYMENT, *FAILED)}
    assert document["anomalies"] == 3


def test_a_file_and_the_standard_input_have_the_same_document(
    document: dict[str, object], log: Path, tmp_path: Path
) -> None:
    packed = tmp_path / "scan.log.gz"
    packed.write_bytes(gzip.compress(log.read_bytes()))
    result = run(str(packed), "--json")
    assert result.exit_code == 0, result.output
    assert {**json.loads(result.stdout), "seconds": 0} == {**document, "seconds": 0}


def test_the_screen_shows_what_was_assumed_and_the_incidents_with_their_lines(log: Path, tmp_path: Path) -> None:
    page, systems = tmp_path / "report.html", tmp_path / "systems.yaml"
    result = run(str(log), "--html", str(page), "--write", str(systems), "--fail-on", "info")
    assert result.exit_code == 1, result.output
    for word in (
        "session",
        "payment accepted",
        "could not save order",
        session_of(WITHOUT_PAYMENT),
        f"{ORDERS} sessions",
    ):
        assert word in result.output
    content = page.read_text(encoding="utf-8")
    assert "could not save order" in content
    assert "<script" not in content and "http" not in content
    assert read_systems(systems)["orders"].session is not None


def test_a_file_without_a_usable_line_is_named(tmp_path: Path) -> None:
    empty = tmp_path / "empty.log"
    empty.write_bytes(b"\n\n")
    result = run(str(empty))
    assert isinstance(result.exception, DataError)
    assert str(empty) in str(result.exception)
    assert isinstance(run(str(tmp_path / "absent.log")).exception, DataError)


def test_a_name_that_no_topic_can_have_is_refused_before_the_scan(log: Path, tmp_path: Path) -> None:
    result = run(str(log), "--write", str(tmp_path / "systems.yaml"), "--name", "a b")
    assert isinstance(result.exception, SettingError)
    assert not (tmp_path / "systems.yaml").exists()
