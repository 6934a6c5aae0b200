import pytest
from typer.testing import CliRunner

from fusionlog.cli.main import app


def test_a_value_of_the_environment_is_shown_and_a_secret_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUSIONLOG_LABEL__MODEL", "wise")
    monkeypatch.setenv("FUSIONLOG_LABEL__API_KEY", "hush")
    shown = CliRunner().invoke(app, ["settings"]).stdout
    assert "wise" in shown
    assert "hush" not in shown
