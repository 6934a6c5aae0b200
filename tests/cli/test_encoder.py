"""`fusionlog encoder`: one line, the directory that the workers will use."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fusionlog.cli.main import app
from fusionlog.embedding.encoder import FORMAT, Encoder
from fusionlog.embedding.source import BUNDLED, fingerprint
from fusionlog.errors import SettingError
from tests.embedding.test_source import make_source
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


def test_an_encoder_is_written_to_a_directory_for_all_workers(tmp_path: Path) -> None:
    source = make_source(tmp_path / "model")
    cached = make_encoder(tmp_path / "cache" / "encoders" / f"model-{FORMAT}-{fingerprint(source)}")
    run = CliRunner(env={"FUSIONLOG_CACHE_DIR": str(tmp_path / "cache")})
    done = run.invoke(app, ["encoder", "export", str(source), "--to", str(tmp_path / "out")])
    assert (done.exit_code, done.stdout) == (0, f"{tmp_path / 'out'}\n")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {path.name for path in cached.iterdir()}
    again = run.invoke(app, ["encoder", "export", str(source), "--to", str(tmp_path / "out")])
    assert isinstance(again.exception, SettingError) and again.exception.setting == "--to"


@pytest.mark.slow
def test_the_bundled_encoder_is_made_without_torch_and_only_its_directory_is_printed(tmp_path: Path) -> None:
    code = "import sys; sys.modules['torch'] = None; from fusionlog.cli.main import main; main()"
    command = [sys.executable, "-c", code, "encoder"]
    env = {**os.environ, "FUSIONLOG_CACHE_DIR": str(tmp_path)}
    several = [subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    printed = {each.communicate()[0] for each in several}
    (made,) = (tmp_path / "encoders").iterdir()
    assert printed == {f"{made}\n"}
    assert Encoder(made).name == BUNDLED
