"""The ONNX graph of a BERT sentence encoder, written from its safetensors weights with `onnx` alone, without torch.

Devlin et al., arXiv 1810.04805: embeddings -> layers of attention and feed-forward -> mean over the tokens of a text
(Reimers and Gurevych, arXiv 1908.10084) -> unit length. Dropout is absent: the graph only infers.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import DecodeError, Struct
from msgspec import json as decoding
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from safetensors.numpy import load_file

from fusionlog.embedding.source import SETTING
from fusionlog.errors import SettingError
from fusionlog.types import FloatArray

OPSET = 20
IR_VERSION = 10
MASKED = float(np.finfo(np.float32).min)
"""Added to the attention logits of padding: their softmax is 0."""
LEAST_TOKENS = 1e-9
LEAST_NORM = 1e-12

Weights = Mapping[str, FloatArray]


class Config(Struct, frozen=True, kw_only=True):
    """The fields of `config.json` that shape the graph."""

    model_type: str = ""
    hidden_act: str = ""
    position_embedding_type: str = "absolute"
    hidden_size: int
    num_attention_heads: int
    num_hidden_layers: int
    layer_norm_eps: float = 1e-12


def write_bert(source: Path, name: str, directory: Path) -> None:
    """Write the three files of an encoder into a directory that exists, from a sentence-transformers directory.

    Inputs are `input_ids` and `attention_mask` `[texts, tokens]` int64, the output is `vectors` `[texts, dim]` float32.

    :raises SettingError: the model is not a BERT with GELU, absolute positions and the mean of its tokens.
    """
    config, length = read_config(source), _json(source / "sentence_bert_config.json").get("max_seq_length")
    if not isinstance(length, int):
        raise _unusual(source, "sentence_bert_config.json has no max_seq_length")
    try:
        model = bert_onnx(load_file(source / "model.safetensors"), config)
    except KeyError as error:
        raise _unusual(source, f"it has no weight {error}") from error
    (directory / "model.onnx").write_bytes(model.SerializeToString(deterministic=True))
    shutil.copyfile(source / "tokenizer.json", directory / "tokenizer.json")
    described = {"name": name, "dim": config.hidden_size, "max_length": length}
    (directory / "encoder.json").write_text(json.dumps(described), encoding="utf-8")


def read_config(source: Path) -> Config:
    """The shape of a model, from its directory.

    :raises SettingError: its graph is another than the one written here.
    """
    try:
        config = decoding.decode((source / "config.json").read_bytes(), type=Config)
    except DecodeError as error:
        raise _unusual(source, f"its config.json: {error}") from error
    if (config.model_type, config.hidden_act, config.position_embedding_type) != ("bert", "gelu", "absolute"):
        raise _unusual(source, "it is no BERT with GELU and absolute positions")
    pooling = {key for key, value in _json(source / "1_Pooling" / "config.json").items() if value is True}
    if pooling - {"include_prompt"} != {"pooling_mode_mean_tokens"}:
        raise _unusual(source, "it does not take the mean of its tokens")
    return config


def bert_onnx(weights: Weights, config: Config) -> ModelProto:
    """The graph as an ONNX model for any number of texts and tokens.

    :param weights: by their names in `model.safetensors`; a linear layer's is `[out, in]`.
    :raises KeyError: a weight is missing.
    """
    graph = _Graph()
    hidden, masked = _embeddings(graph, weights, config), _attention_mask(graph)
    for number in range(config.num_hidden_layers):
        hidden = _layer(graph, _under(weights, f"encoder.layer.{number}."), config, hidden, masked)
    _pooled(graph, hidden)
    return graph.model(config.hidden_size)


class _Graph:
    """Nodes and constants in order. A value is known by the name of the node output that it is."""

    def __init__(self) -> None:
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []

    def constant(self, value: Any, kind: type[np.generic] = np.float32) -> str:
        name = f"c{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(value, dtype=kind), name))
        return name

    def add(self, operator: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        name = output or f"n{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    def split(self, value: str, parts: int) -> list[str]:
        names = [f"n{len(self._nodes)}.{part}" for part in range(parts)]
        self._nodes.append(helper.make_node("Split", [value], names, axis=-1, num_outputs=parts))
        return names

    def linear(self, value: str, *layers: Weights) -> str:
        """`x W^T + b`; several layers of one input are one product, their outputs side by side."""
        weight = self.constant(np.concatenate([layer["weight"] for layer in layers]).T)
        bias = self.constant(np.concatenate([layer["bias"] for layer in layers]))
        return self.add("Add", self.add("MatMul", value, weight), bias)

    def norm(self, value: str, layer: Weights, epsilon: float) -> str:
        scale, shift = self.constant(layer["weight"]), self.constant(layer["bias"])
        return self.add("LayerNormalization", value, scale, shift, axis=-1, epsilon=epsilon)

    def model(self, dim: int) -> ModelProto:
        inputs = [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["texts", "tokens"])
            for name in ("input_ids", "attention_mask")
        ]
        outputs = [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["texts", dim])]
        graph = helper.make_graph(self._nodes, "encoder", inputs, outputs, self._constants)
        opset = helper.make_opsetid("", OPSET)
        return helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION, producer_name="fusionlog")


def _embeddings(graph: _Graph, weights: Weights, config: Config) -> str:
    """Word + position + segment, normalised: `[texts, tokens, dim]`. Every token is of the first segment."""
    words = graph.add("Gather", graph.constant(weights["embeddings.word_embeddings.weight"]), "input_ids")
    segment = weights["embeddings.token_type_embeddings.weight"][0]
    positions = graph.constant(weights["embeddings.position_embeddings.weight"] + segment)
    tokens = graph.add("Shape", "input_ids", start=1, end=2)
    here = graph.add("Slice", positions, graph.constant([0], np.int64), tokens)
    return graph.norm(graph.add("Add", words, here), _under(weights, "embeddings.LayerNorm."), config.layer_norm_eps)


def _attention_mask(graph: _Graph) -> str:
    """What is added to attention logits: 0 for a token, `MASKED` for padding, `[texts, 1, 1, tokens]`."""
    whole = graph.add("Unsqueeze", "attention_mask", graph.constant([1, 2], np.int64))
    present = graph.add("Cast", whole, to=TensorProto.BOOL)
    return graph.add("Where", present, graph.constant(0.0), graph.constant(MASKED))


def _layer(graph: _Graph, weights: Weights, config: Config, hidden: str, masked: str) -> str:
    """One layer: attention, then feed-forward, each added to its input and normalised."""
    epsilon = config.layer_norm_eps
    attended = graph.linear(
        _attention(graph, weights, config, hidden, masked), _under(weights, "attention.output.dense.")
    )
    hidden = graph.norm(graph.add("Add", attended, hidden), _under(weights, "attention.output.LayerNorm."), epsilon)
    inner = graph.add("Gelu", graph.linear(hidden, _under(weights, "intermediate.dense.")), approximate="none")
    outer = graph.linear(inner, _under(weights, "output.dense."))
    return graph.norm(graph.add("Add", outer, hidden), _under(weights, "output.LayerNorm."), epsilon)


def _attention(graph: _Graph, weights: Weights, config: Config, hidden: str, masked: str) -> str:
    """softmax(Q K^T / sqrt(d) + mask) V of every head, side by side: `[texts, tokens, dim]`."""
    names = [_under(weights, f"attention.self.{name}.") for name in ("query", "key", "value")]
    width = config.hidden_size // config.num_attention_heads
    query, key, value = (
        _by_head(graph, each, config.num_attention_heads, width, [0, 2, 3, 1] if place == 1 else [0, 2, 1, 3])
        for place, each in enumerate(graph.split(graph.linear(hidden, *names), len(names)))
    )
    logits = graph.add("Mul", graph.add("MatMul", query, key), graph.constant(1 / math.sqrt(width)))
    shares = graph.add("Softmax", graph.add("Add", logits, masked), axis=-1)
    mixed = graph.add("Transpose", graph.add("MatMul", shares, value), perm=[0, 2, 1, 3])
    return graph.add("Reshape", mixed, graph.constant([0, 0, config.hidden_size], np.int64))


def _by_head(graph: _Graph, value: str, heads: int, width: int, order: Sequence[int]) -> str:
    return graph.add(
        "Transpose", graph.add("Reshape", value, graph.constant([0, 0, heads, width], np.int64)), perm=order
    )


def _pooled(graph: _Graph, hidden: str) -> None:
    """The mean of a text's tokens, padding left out, at unit length: the output `vectors`."""
    column = graph.add("Unsqueeze", "attention_mask", graph.constant([2], np.int64))
    mask = graph.add("Cast", column, to=TensorProto.FLOAT)
    along = graph.constant([1], np.int64)
    total = graph.add("ReduceSum", graph.add("Mul", hidden, mask), along, keepdims=0)
    tokens = graph.add("Max", graph.add("ReduceSum", mask, along, keepdims=0), graph.constant(LEAST_TOKENS))
    mean = graph.add("Div", total, tokens)
    norm = graph.add("Max", graph.add("ReduceL2", mean, along, keepdims=1), graph.constant(LEAST_NORM))
    graph.add("Div", mean, norm, output="vectors")


def _under(weights: Weights, prefix: str) -> Weights:
    """The weights whose names have a prefix, by the rest of their names."""
    return {name[len(prefix) :]: value for name, value in weights.items() if name.startswith(prefix)}


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _unusual(source: Path, problem: str) -> SettingError:
    remedy = f"{problem}; set {SETTING} to the path of this model: torch exports it then (fusionlog[train])"
    return SettingError(SETTING, str(source), remedy)
