"""`fusionlog notify`: targets are listed without secrets, and tried by real requests."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from fusionlog.cli.main import app
from fusionlog.errors import SettingError
from tests.incidents.notifications.factories import HttpTarget, http_target

Run = Callable[..., Result]


@pytest.fixture
def server() -> Iterator[HttpTarget]:
    with http_target() as found:
        yield found


@pytest.fixture
def run(server: HttpTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    (tmp_path / "url").write_text(f"{server.url}/T0/secret-token")
    (tmp_path / "systems.yaml").write_text("shop: {}\n")
    monkeypatch.setenv("FUSIONLOG_NOTIFICATIONS_FILE", str(tmp_path / "notifications.yaml"))
    monkeypatch.setenv("FUSIONLOG_SYSTEMS_FILE", str(tmp_path / "systems.yaml"))

    def call(*words: str, more: str = "") -> Result:
        (tmp_path / "notifications.yaml").write_text(
            f"oncall: {{type: slack, url_file: {tmp_path}/url, severity: critical}}\n"
            f"alerts: {{type: alertmanager, url: '{server.url}', systems: [shop]}}\n{more}"
        )
        return CliRunner().invoke(app, ["notify", *words])

    return call


def test_each_target_gets_a_made_up_incident_that_it_wants_and_its_end(run: Run, server: HttpTarget) -> None:
    done = run("test")
    assert done.exit_code == 0, done.output
    assert [line.split("  ")[:3] for line in done.stdout.splitlines()] == [
        ["oncall", "slack", "accepted 2 messages"], ["alerts", "alertmanager", "accepted 2 messages"],
    ]  # fmt: skip
    slack = [each.json["attachments"][0]["title"] for each in server.got if each.path == "/T0/secret-token"]
    assert [each.split(":")[0] for each in slack] == ["CRITICAL opened", "CRITICAL resolved"]
    alerts = [each.json[0]["labels"]["system"] for each in server.got if each.path == "/api/v2/alerts"]
    assert alerts == ["shop", "shop"]


def test_a_target_that_refuses_is_named_with_its_reason_and_no_token(run: Run, server: HttpTarget) -> None:
    server.always = (404, "no_service", {})
    done = run("test", "--target", "oncall", "--json")
    assert done.exit_code == 1 and len(server.got) == 1
    found = json.loads(done.stdout)
    assert found["problem"] == f"{server.url} answers 404: no_service" and found["messages"] == 0
    assert "secret-token" not in done.output


def test_a_target_that_is_not_there_and_a_bad_template_are_refused(run: Run, server: HttpTarget) -> None:
    error = run("test", "--target", "onkall").exception
    assert isinstance(error, SettingError) and "did you mean oncall?" in str(error)
    error = run("test", more=f"bad: {{type: slack, url: '{server.url}', template: $tilte}}").exception
    assert isinstance(error, SettingError) and "bad.template is '$tilte'" in str(error)
    assert server.got == []


def test_targets_are_listed_without_their_paths_and_unknown_systems_are_named(run: Run, server: HttpTarget) -> None:
    done = run("list", more=f"typo: {{type: webhook, url: '{server.url}', systems: [shpo]}}")
    assert done.stdout.splitlines()[0] == f"oncall  slack  {server.url}  from critical  all systems"
    assert "waits for incidents of shpo" in done.stderr and "did you mean shop?" in done.stderr
    found = [json.loads(line) for line in run("list", "--json").stdout.splitlines()]
    assert [each["target"] for each in found] == ["oncall", "alerts"] and "secret-token" not in done.output
