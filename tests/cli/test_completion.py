"""Shell completion: the words that a shell gets."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


def completed(shell: str, line: str) -> str:
    """What a shell's completion function gets for a line."""
    words = line.split(" ")
    asked = {
        "bash": {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1), "_FUSIONLOG_COMPLETE": "complete_bash"},
        "zsh": {"_TYPER_COMPLETE_ARGS": line, "_FUSIONLOG_COMPLETE": "complete_zsh"},
        "fish": {
            "_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args",
            "_FUSIONLOG_COMPLETE": "complete_fish",
        },
    }[shell]  # fmt: skip
    code = "import sys; sys.argv[0] = 'fusionlog'; from fusionlog.cli.main import app; app(prog_name='fusionlog')"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **asked}, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    return done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_commands_options_and_roles_are_completed_in_each_shell(shell: str) -> None:
    assert "incidents" in completed(shell, "fusionlog inci")


def test_the_words_are_those_of_the_place() -> None:
    assert completed("bash", "fusionlog models di").split() == ["diff"]
    assert completed("bash", "fusionlog worker not").split() == ["notify"]
    assert "--scope" in completed("bash", "fusionlog feedback x dismiss --sc")
    assert completed("bash", "fusionlog feedback x dismiss --scope inc").split() == ["incident"]
