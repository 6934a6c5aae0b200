"""Each command that lists has `--json`, and prints JSON alone then."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from fusionlog.cli.main import app
from fusionlog.kafka import table
from fusionlog.settings import Settings
from fusionlog.topics import Topic
from tests.explanation.factories import make_explanation
from tests.factories import make_anomaly

LISTS = (
    ("models", "list"), ("models", "diff"), ("labels", "list"), ("deadletter", "list"), ("deadletter", "show"),
    ("incidents", "list"), ("notify", "list"), ("explanations",), ("feedback",), ("status",), ("tail",), ("show",),
    ("doctor",), ("settings",), ("topics", "check"), ("topics", "describe"), ("keys", "show"), ("teacher", "show"),
    ("teacher", "spend"), ("train", "status"), ("models", "show"),
)  # fmt: skip
NO_LISTS = frozenset({
    "worker", "demo", "produce", "meta-train", "distill", "evaluate", "scan", "acls", "replay-teacher",
    "encoder export", "topics create", "models rollback", "models restore", "models publish", "models save",
    "labels revoke", "labels restore", "systems add", "systems check", "deadletter replay", "teacher check",
    "keys generate", "keys rotate", "keys sign", "incidents show", "notify test", "train now",
    "train pause", "train resume",
})  # fmt: skip
"""Commands that act, whose output is of another form, or that have --json and are tested elsewhere."""


def commands(command: Any, words: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not hasattr(command, "commands"):
        return [words]
    return [each for name, one in command.commands.items() for each in commands(one, (*words, name))]


def option_names(words: tuple[str, ...]) -> set[str]:
    found: Any = typer.main.get_command(app)
    for word in words:
        found = found.commands[word]
    return {option for each in found.params for option in each.opts}


def test_no_command_is_forgotten() -> None:
    every = {" ".join(words) for words in commands(typer.main.get_command(app))}
    assert every == {" ".join(words) for words in LISTS} | NO_LISTS


@pytest.mark.parametrize("words", LISTS, ids=" ".join)
def test_each_list_has_json(words: tuple[str, ...]) -> None:
    assert "--json" in option_names(words)


@pytest.mark.parametrize(
    "words", [("explanations",), ("topics", "describe"), ("settings",), ("keys", "show")], ids=" ".join
)
def test_what_is_printed_is_one_object_a_line(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def read_all(_: Settings, topic: Topic, *more: object) -> list[tuple[str, Any]]:
        return [("k", make_explanation(make_anomaly()))]

    monkeypatch.setattr(table, "read_all", read_all)
    if words[0] == "keys":
        CliRunner().invoke(app, ["keys", "generate", "--dir", str(tmp_path)])
        words = (*words, "--dir", str(tmp_path))
    done = CliRunner().invoke(app, [*words, "--json"])
    assert done.exit_code == 0, done.output + repr(done.exception)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert found and all(isinstance(each, dict) for each in found)
