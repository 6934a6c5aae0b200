from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import numpy as np
import pytest

from fusionlog.embedding import export
from fusionlog.embedding.encoder import Encoder, find_encoder, plain
from fusionlog.embedding.source import WHEEL, local_source
from fusionlog.errors import SettingError
from fusionlog.settings import Settings
from tests.encoders import make_encoder

TEXTS = [
    "dfs.DataNode Receiving block <KEY> src: <IP> dest: <IP>",
    "Got exception while serving <KEY> to <IP>",
    "compute.manager VM Paused (Lifecycle Event)",
    "ciod: Error reading message prefix on CioStream socket to <IP>, Link has been severed",
    "KERNEL data TLB error interrupt",
    "链接 断开",
    "word " * 400,
    "x" * 500,
    "a",
]


def leave_a_half(source: Path, name: str, directory: Path) -> None:
    (directory / "model.onnx").write_bytes(b"half")
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def make_whole(source: Path, name: str, directory: Path) -> None:
    make_encoder(directory)


def test_a_full_disk_leaves_nothing_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "write_encoder", leave_a_half)
    with pytest.raises(SettingError, match=r"FUSIONLOG_CACHE_DIR is .*No space left on device"):
        export.export(tmp_path, "words", tmp_path / "cache" / "encoder")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_cache_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingError, match="FUSIONLOG_CACHE_DIR"):
        export.export(tmp_path, "words", tmp_path / "file" / "encoder")


def test_of_two_at_the_same_time_the_first_one_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "encoder"

    def slower(source: Path, name: str, directory: Path) -> None:
        make_encoder(directory)
        (make_encoder(target) / "first").touch()

    monkeypatch.setattr(export, "write_encoder", slower)
    export.export(tmp_path, "words", target)
    assert (target / "first").is_file()
    assert list(tmp_path.iterdir()) == [target]


def test_what_a_killed_process_left_is_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "write_encoder", make_whole)
    old, young = tmp_path / ".half-old", tmp_path / ".half-young"
    old.mkdir()
    young.mkdir()
    os.utime(old, (0, time.time() - 2 * export.STALE_SECONDS))
    export.export(tmp_path, "words", tmp_path / "encoder")
    assert {path.name for path in tmp_path.iterdir()} == {".half-young", "encoder"}


@pytest.mark.slow
def test_the_exported_encoder_equals_sentence_transformers(tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    encode = Encoder(find_encoder(Settings(encoder_model=WHEEL, cache_dir=tmp_path)))
    model = SentenceTransformer(str(local_source(WHEEL)), device="cpu", local_files_only=True)
    expected = model.encode([plain(text) for text in TEXTS], normalize_embeddings=True, convert_to_numpy=True)
    assert encode.dim == expected.shape[1]
    assert np.abs(encode(TEXTS) - expected).max() < 1e-4
