"""Encoders for tests: a vocabulary of a few words, nothing downloaded, no torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, pre_tokenizers

from fusionlog.types import FloatArray

WORDS = ("[PAD]", "[UNK]", "connection", "disk", "opened", "closed", "failed", "full")


class WordEncoder:
    """Texts as counts of a few words, L2-normalised; a text without any of them is the zero vector."""

    name = "test"

    def __init__(self, *words: str) -> None:
        self.words = words or WORDS[2:]
        self.encoded: list[str] = []

    @property
    def dim(self) -> int:
        return len(self.words)

    def __call__(self, texts: Sequence[str], /) -> FloatArray:
        self.encoded += texts
        counts = np.array([[text.split().count(word) for word in self.words] for text in texts], dtype=np.float32)
        counts = counts.reshape(len(texts), self.dim)
        norms = np.linalg.norm(counts, axis=1, keepdims=True)
        return (counts / np.maximum(norms, 1e-12)).astype(np.float32)


def make_encoder(directory: Path, max_length: int = 6) -> Path:
    """An encoder directory: mean of one-hot words, as `embedding_export` would write a real one."""
    directory.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer(models.WordLevel({word: id for id, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.save(str(directory / "tokenizer.json"))
    (directory / "model.onnx").write_bytes(_mean_of_words())
    described = {"name": "words", "dim": len(WORDS), "max_length": max_length}
    (directory / "encoder.json").write_text(json.dumps(described))
    return directory


def _mean_of_words() -> bytes:
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["tokens"]),
        helper.make_node("Unsqueeze", ["attention_mask", "last"], ["whole"]),
        helper.make_node("Cast", ["whole"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["tokens", "mask"], ["masked"]),
        helper.make_node("ReduceSum", ["masked", "middle"], ["sum"], keepdims=0),
        helper.make_node("LpNormalization", ["sum"], ["vectors"], axis=1, p=2),
    ]
    graph = helper.make_graph(
        nodes,
        "words",
        [
            helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["texts", "tokens"]),
            helper.make_tensor_value_info("attention_mask", TensorProto.INT64, ["texts", "tokens"]),
        ],
        [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["texts", "dim"])],
        [
            numpy_helper.from_array(np.eye(len(WORDS), dtype=np.float32), "table"),
            numpy_helper.from_array(np.array([2]), "last"),
            numpy_helper.from_array(np.array([1]), "middle"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString()
