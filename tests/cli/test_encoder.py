"""`fusionlog encoder`: one line, the directory that the workers will use."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from typer.testing import CliRunner

from fusionlog.cli.main import app
from fusionlog.errors import SettingError
from tests.encoders import make_encoder


def test_the_directory_that_is_set_is_printed_alone(tmp_path: Path) -> None:
    directory = make_encoder(tmp_path / "words")
    done = CliRunner(env={"FUSIONLOG_ENCODER": str(directory)}).invoke(app, ["encoder"])
    assert (done.exit_code, done.stdout) == (0, f"{directory}\n")


def test_a_directory_without_an_encoder_is_our_error(tmp_path: Path) -> None:
    failed = CliRunner(env={"FUSIONLOG_ENCODER": str(tmp_path)}).invoke(app, ["encoder"])
    assert isinstance(failed.exception, SettingError)
    assert failed.exception.setting == "FUSIONLOG_ENCODER"
    assert failed.stdout == ""


def test_without_its_extra_the_command_names_it(tmp_path: Path) -> None:
    code = "import sys; sys.modules['onnxruntime'] = None; from fusionlog.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "encoder"], env={**os.environ, "FUSIONLOG_ENCODER": str(make_encoder(tmp_path))},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (
        2,
        "fusionlog: the encoder needs onnxruntime: install it with  pip install 'fusionlog[agents]'\n",
    )  # fmt: skip
