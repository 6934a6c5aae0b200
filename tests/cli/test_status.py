"""`fusionlog status`: open incidents stand beside each system."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace
from rich.console import Console
from typer.testing import CliRunner

from fusionlog.cli import status
from fusionlog.cli.incidents_view import open_by_system
from fusionlog.cli.main import app
from fusionlog.observability.deployment import Deployment, deployment
from fusionlog.records import Incident, SystemCounts, WorkerState
from tests.incidents.notifications.factories import make_incident

NOW = 1000.0
WORKER = WorkerState(
    worker="w", role="ingest", version="1", started=0.0, at=NOW, ready=True,
    systems={"shop": SystemCounts(lines=5), "bank": SystemCounts(lines=7)},
)  # fmt: skip
FOUND = [
    make_incident(1, severity="warning"),
    make_incident(2, severity="critical", systems=["shop", "mill"]),
    make_incident(3, severity="error", status="resolved", systems=["bank"]),
]


def test_open_incidents_count_in_each_of_their_systems_with_the_greatest_severity() -> None:
    assert open_by_system(FOUND) == {"shop": (2, "critical"), "mill": (1, "critical")}


def test_the_screen_and_the_json_have_them_by_system(monkeypatch: pytest.MonkeyPatch) -> None:
    async def both(_: object) -> tuple[Deployment, object]:
        return deployment([WORKER], NOW), open_by_system(FOUND)

    monkeypatch.setattr(status, "_both", both)
    found = json.loads(CliRunner().invoke(app, ["status", "--json"]).stdout)["systems"]
    assert (found["shop"]["incidents"], found["shop"]["severity"]) == (2, "critical")
    assert (found["bank"]["incidents"], found["bank"]["severity"]) == (0, None)
    console = Console(width=200, record=True)
    console.print(status.screen(deployment([WORKER], NOW), NOW, open_by_system(FOUND)))
    rows = {line.split("│")[1].strip(): line for line in console.export_text().splitlines() if "│" in line}
    assert "2 critical" in rows["shop"] and "critical" not in rows["bank"]


def test_incidents_of_no_system_of_a_worker_are_not_lost() -> None:
    only: list[Incident] = [replace(FOUND[0], systems=["farm"])]
    console = Console(width=200, record=True)
    console.print(status.screen(deployment([WORKER], NOW), NOW, open_by_system(only)))
    assert "farm" in console.export_text()
