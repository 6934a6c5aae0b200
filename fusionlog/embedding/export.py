"""An encoder's directory, written atomically: by torch from any sentence-transformers model, or as a BERT graph.

`encoder.find_encoder` runs it as `python -m fusionlog.embedding.export SOURCE NAME TARGET [--torch]`, in a process of
its own: torch, or the weights, stay in no worker's memory.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fusionlog.errors import SettingError

SETTING = "FUSIONLOG_CACHE_DIR"
STALE_SECONDS = 3600.0
"""A half-made directory this old belongs to a process that was killed: an export takes half a minute."""


Write = Callable[[Path, str, Path], None]
"""Writes the three files of an encoder: source, name, and a directory that exists."""


def export(source: Path, name: str, target: Path, write: Write) -> None:
    """Write the encoder directory `target` atomically: model.onnx, tokenizer.json and encoder.json.

    It is written beside `target` and renamed, so that of two processes at the same time one wins and both are served.

    :raises SettingError: the cache directory cannot be written, for example because the disk is full.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target.parent)
        half = Path(tempfile.mkdtemp(prefix=".half-", dir=target.parent))
        try:
            write(source, name, half)
            half.chmod(0o755)
            _move(half, target)
        finally:
            shutil.rmtree(half, ignore_errors=True)
    except OSError as error:
        raise SettingError(
            SETTING, str(target.parent),
            f"the encoder cannot be written there: {error.strerror or error}; free 200 MB or set another directory",
        ) from error  # fmt: skip


def write_by_torch(source: Path, name: str, directory: Path) -> None:
    """Write the three files of an encoder into a directory that exists.

    The network is the model's own modules (mean pooling among them), L2-normalised: `input_ids`, `attention_mask`
    `[texts, tokens]` int64 to `vectors` `[texts, dim]` float32.
    """
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(source), device="cpu", local_files_only=True)
    model.eval()
    onnx = _to_onnx(model)
    (directory / "model.onnx").write_bytes(onnx)
    shutil.copyfile(source / "tokenizer.json", directory / "tokenizer.json")
    described = {"name": name, "dim": model.get_embedding_dimension(), "max_length": model.max_seq_length}
    (directory / "encoder.json").write_text(json.dumps(described), encoding="utf-8")


def _to_onnx(model: Any) -> bytes:
    """The model as ONNX bytes for any number of texts and tokens."""
    import torch

    class Encode(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            features = self.model({"input_ids": input_ids, "attention_mask": attention_mask})
            return torch.nn.functional.normalize(features["sentence_embedding"], dim=1)

    ids, mask = torch.ones(2, 7, dtype=torch.long), torch.ones(2, 7, dtype=torch.long)
    mask[1, 4:] = 0
    free = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            Encode().eval(), (ids, mask), input_names=["input_ids", "attention_mask"], output_names=["vectors"],
            dynamo=True, dynamic_shapes={"input_ids": free, "attention_mask": free}, verbose=False,
        )  # fmt: skip
    if program is None:
        raise SettingError("FUSIONLOG_ENCODER_MODEL", str(model), "torch could not export it")
    return bytes(program.model_proto.SerializeToString())


def _move(half: Path, target: Path) -> None:
    """Rename a finished directory to its place; where another process was faster, that one's stays."""
    try:
        os.rename(half, target)
    except OSError:
        if not (target / "encoder.json").is_file():
            raise


def _sweep(parent: Path) -> None:
    """Remove the unfinished directories of killed processes."""
    for half in parent.glob(".half-*"):
        try:
            stale = time.time() - half.stat().st_mtime > STALE_SECONDS
        except FileNotFoundError:
            continue
        if stale:
            shutil.rmtree(half, ignore_errors=True)


def main() -> None:
    """Write by the command line's arguments; an error of ours is the last line of standard error."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("source", type=Path)
    arguments.add_argument("name")
    arguments.add_argument("target", type=Path)
    arguments.add_argument("--torch", action="store_true")
    chosen = arguments.parse_args()
    try:
        export(chosen.source, chosen.name, chosen.target, write_by_torch if chosen.torch else _write_bert())
    except SettingError as error:
        sys.exit(f"{error.setting}\t{error.value}\t{error.remedy}")


def _write_bert() -> Write:
    from fusionlog.embedding.bert_graph import write_bert

    return write_bert


if __name__ == "__main__":
    main()
