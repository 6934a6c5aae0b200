from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from fusionlog.embedding import export
from fusionlog.embedding.encoder import Encoder, find_encoder, plain
from fusionlog.embedding.source import BUNDLED, WHEEL, local_source
from fusionlog.errors import SettingError
from fusionlog.settings import Settings
from fusionlog.types import FloatArray
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


def test_a_full_disk_leaves_nothing_and_says_so(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"FUSIONLOG_CACHE_DIR is .*No space left on device"):
        export.export(tmp_path, "words", tmp_path / "cache" / "encoder", leave_a_half)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_cache_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingError, match="FUSIONLOG_CACHE_DIR"):
        export.export(tmp_path, "words", tmp_path / "file" / "encoder", make_whole)


def test_of_two_at_the_same_time_the_first_one_stays(tmp_path: Path) -> None:
    target = tmp_path / "encoder"

    def slower(source: Path, name: str, directory: Path) -> None:
        make_encoder(directory)
        (make_encoder(target) / "first").touch()

    export.export(tmp_path, "words", target, slower)
    assert (target / "first").is_file()
    assert list(tmp_path.iterdir()) == [target]


def test_what_a_killed_process_left_is_swept(tmp_path: Path) -> None:
    old, young = tmp_path / ".half-old", tmp_path / ".half-young"
    old.mkdir()
    young.mkdir()
    os.utime(old, (0, time.time() - 2 * export.STALE_SECONDS))
    export.export(tmp_path, "words", tmp_path / "encoder", make_whole)
    assert {path.name for path in tmp_path.iterdir()} == {".half-young", "encoder"}


@pytest.mark.slow
def test_the_encoder_by_torch_and_the_one_by_onnx_alone_equal_sentence_transformers(tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    by_onnx = find_encoder(Settings(encoder_model=WHEEL, cache_dir=tmp_path))
    source = local_source(WHEEL)
    assert source is not None
    export.export(source, BUNDLED, tmp_path / "torch", export.write_by_torch)
    described = [(directory / "encoder.json").read_text() for directory in (by_onnx, tmp_path / "torch")]
    assert described[0] == described[1]
    encode, exported = Encoder(by_onnx), Encoder(tmp_path / "torch")
    model = SentenceTransformer(str(source), device="cpu", local_files_only=True)
    expected = model.encode([plain(text) for text in TEXTS], normalize_embeddings=True, convert_to_numpy=True)
    assert encode.dim == expected.shape[1]
    assert np.abs(encode(TEXTS) - expected).max() < 1e-4
    for texts in (TEXTS, TEXTS[:1], [" ".join(["disk full"] * length) for length in range(1, 150, 16)] * 2):
        assert np.abs(encode(texts) - exported(texts)).max() < 1e-5
    assert np.abs(batch(by_onnx) - batch(tmp_path / "torch")).max() < 1e-5


def batch(directory: Path) -> FloatArray:
    """A graph's vectors of rows with padding at the end and in the middle."""
    session = onnxruntime.InferenceSession(str(directory / "model.onnx"), providers=["CPUExecutionProvider"])
    shapes = [(each.name, each.type, len(each.shape)) for each in (*session.get_inputs(), *session.get_outputs())]
    assert shapes == [
        ("input_ids", "tensor(int64)", 2), ("attention_mask", "tensor(int64)", 2), ("vectors", "tensor(float)", 2)
    ]  # fmt: skip
    ids = np.random.default_rng(0).integers(1000, 30000, (4, 11))
    mask = np.ones_like(ids)
    mask[0, 3:], mask[1, 2:5], mask[2, 1:] = 0, 0, 0
    return np.asarray(session.run(["vectors"], {"input_ids": ids, "attention_mask": mask})[0], np.float32)
