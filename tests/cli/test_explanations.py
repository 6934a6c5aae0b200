from __future__ import annotations

import pytest
from typer.testing import CliRunner

from fusionlog.cli import explanations
from fusionlog.cli.main import app
from fusionlog.errors import SettingError
from fusionlog.records import Explanation
from tests.explanation.factories import make_explanation
from tests.factories import make_anomaly

FOUND: list[Explanation] = [
    make_explanation(make_anomaly("disk failed"), cause="\x1b[31mred\x07", next_step="", explained_at=1.0),
    make_explanation(make_anomaly("disk full", system="mill"), cause="a full disk", explained_at=2.0),
    make_explanation(make_anomaly("disk lost"), cause="a lost disk", explained_at=3.0),
]


def shown(monkeypatch: pytest.MonkeyPatch, *words: str, found: list[Explanation] = FOUND) -> tuple[str, str]:
    async def read(_: object) -> list[Explanation]:
        return found

    monkeypatch.setattr(explanations, "_read", read)
    done = CliRunner().invoke(app, ["explanations", *words])
    assert done.exit_code == 0, done.output
    return done.stdout, done.stderr


def test_the_newest_are_last_and_no_line_steers_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    text, _ = shown(monkeypatch)
    assert text.index("?[31mred?") < text.index("a full disk") < text.index("a lost disk")
    assert "1 x disk failed" in text and "none was named" in text and "\x1b" not in text


def test_of_one_system_and_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    text, _ = shown(monkeypatch, "--system", "shop", "--limit", "1")
    assert "a lost disk" in text and "red" not in text and "full" not in text


def test_without_any_it_says_what_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    text, errors = shown(monkeypatch, "--system", "farm", found=[])
    assert text == "" and "no explanation of farm yet: run  fusionlog worker explain" in errors


def test_a_misspelt_system_is_no_system_without_explanations(monkeypatch: pytest.MonkeyPatch) -> None:
    async def read(_: object) -> list[Explanation]:
        return FOUND

    monkeypatch.setattr(explanations, "_read", read)
    done = CliRunner().invoke(app, ["explanations", "--system", "mil"])
    assert isinstance(done.exception, SettingError) and "did you mean mill?" in str(done.exception)
