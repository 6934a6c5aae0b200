"""The torch-free graph: what it refuses; `test_export.py` compares it with torch's."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from fusionlog.embedding.bert_graph import read_config, write_bert
from fusionlog.embedding.source import BUNDLED, WHEEL, fingerprint, local_source
from fusionlog.errors import SettingError


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The bundled model's directory without its weights."""
    bundled = local_source(WHEEL)
    assert bundled is not None
    return Path(shutil.copytree(bundled, tmp_path / "model", ignore=shutil.ignore_patterns("*.safetensors")))


def change(file: Path, **fields: Any) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))


def test_the_name_of_the_bundled_encoder_is_the_one_that_is_pinned() -> None:
    bundled = local_source(WHEEL)
    assert bundled is not None and fingerprint(bundled) == BUNDLED


@pytest.mark.parametrize(
    ("file", "fields", "reason"),
    [
        ("config.json", {"model_type": "mpnet"}, "no BERT"),
        ("config.json", {"hidden_act": "relu"}, "no BERT"),
        ("config.json", {"position_embedding_type": "relative_key"}, "no BERT"),
        ("config.json", {"hidden_size": "wide"}, "hidden_size"),
        ("1_Pooling/config.json", {"pooling_mode_cls_token": True}, "mean of its tokens"),
        ("1_Pooling/config.json", {"pooling_mode_mean_tokens": False}, "mean of its tokens"),
    ],
)
def test_another_network_is_refused_with_the_way_out(
    source: Path, file: str, fields: dict[str, Any], reason: str
) -> None:
    change(source / file, **fields)
    with pytest.raises(SettingError, match=rf"FUSIONLOG_ENCODER_MODEL is .*{reason}.*fusionlog\[train\]"):
        read_config(source)


def test_a_missing_weight_is_named(source: Path, tmp_path: Path) -> None:
    save_file({"embeddings.word_embeddings.weight": np.zeros((9, 384), np.float32)}, source / "model.safetensors")
    assert load_file(source / "model.safetensors")
    with pytest.raises(SettingError, match=r"no weight .*token_type"):
        write_bert(source, "x", tmp_path)


def test_a_model_without_a_length_is_refused(source: Path, tmp_path: Path) -> None:
    (source / "sentence_bert_config.json").unlink()
    with pytest.raises(SettingError, match="max_seq_length"):
        write_bert(source, "x", tmp_path)
