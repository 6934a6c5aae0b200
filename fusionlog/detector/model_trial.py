"""A trial of a model: what a worker must know of it before it scores a window with it.

Run as a process (`python -m fusionlog.detector.model_trial`) it tries one model after the other, within limits on
memory: `detector.trial_process` starts it. It reads a message's length (4 bytes, big endian) and the message, and
writes a line: the problem as JSON, or null.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from typing import BinaryIO

import msgspec
import numpy as np
import onnx

from fusionlog.detector.batch import Batch
from fusionlog.detector.onnx_session import Detector
from fusionlog.errors import ModelError
from fusionlog.types import DetectorName, FloatArray

OPERATORS = frozenset({
    "Abs", "Add", "And", "ArgMax", "Cast", "Ceil", "Clip", "Concat", "Constant", "ConstantOfShape", "Div", "Equal",
    "Erf", "Exp", "Expand", "Floor", "GRU", "Gather", "GatherElements", "GatherND", "Gelu", "Gemm", "Greater",
    "GreaterOrEqual", "Identity", "LayerNormalization", "Less", "LessOrEqual", "Log", "LogSoftmax", "MatMul", "Max",
    "Min", "Mul", "Neg", "Not", "Or", "Pad", "Pow", "Range", "Reciprocal", "ReduceMax", "ReduceMean", "ReduceMin",
    "ReduceSum", "Relu", "Reshape", "ReverseSequence", "ScatterElements", "ScatterND", "Shape", "Sigmoid", "Sign",
    "Slice", "Softmax", "Softplus", "Split", "Sqrt", "Squeeze", "Sub", "Sum", "Tanh", "Tile", "Transpose", "Trilu",
    "Unsqueeze", "Where",
})  # fmt: skip
"""What a model may use: the arithmetic of small networks, without loops, branches and other domains."""
DOMAINS = frozenset({"", "ai.onnx"})
CPU_SECONDS = 20
"""A trial takes some hundredths of a second."""
MEMORY_BYTES = 1 << 30
"""What a trial may take beyond what the process has when it starts."""
TOLERANCE = 1e-4
PLACES = 3
WINDOWS = 4


class Trial(msgspec.Struct, frozen=True):
    """A model to try: its bytes, the dimension of event vectors, and its network."""

    onnx: bytes
    dim: int
    detector: DetectorName


def problem_of(trial: Trial) -> str | None:
    """Why a model cannot be used; None where it has no problem."""
    try:
        return _static_problem(trial.onnx) or _run_problem(trial)
    except ModelError as error:
        return str(error)
    except Exception as error:  # bytes from anywhere: whatever they make a library raise is theirs
        return f"{type(error).__name__}: {error}"


def _static_problem(data: bytes) -> str | None:
    """The first node, domain or reference of a graph that a model may not have."""
    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:  # protobuf's error has no name that this package may import
        return f"its bytes are no ONNX model: {error}"
    if model.functions or {each.domain for each in model.opset_import} - DOMAINS:
        return "it has functions, or operators of another domain than ONNX's own"
    if any(tensor.external_data for tensor in model.graph.initializer):
        return "it has data outside of its bytes"
    names = {node.op_type for node in model.graph.node if node.op_type not in OPERATORS or node.domain not in DOMAINS}
    return f"it has operators that a small model does not need: {', '.join(sorted(names))}" if names else None


def _run_problem(trial: Trial) -> str | None:
    """What is wrong with a model's outputs on made-up windows."""
    detector = Detector(trial.onnx, "cpu", 1)
    batch = made_up(trial.dim)
    window, event = detector.score(batch)
    for name, values, shape in (("window", window, (WINDOWS,)), ("event", event, (WINDOWS, PLACES))):
        if values.shape != shape:
            return f"its output {name} has shape {values.shape} for a batch of shape {shape}"
        if not np.isfinite(values).all() or values.min() < 0.0 or values.max() > 1.0:
            return f"its output {name} is {_range(values)}, and no probability"
    for name, again in _same(trial, detector, batch):
        if not np.allclose(window, again, atol=TOLERANCE):
            return f"its scores of equal windows differ: {name}"
    return None


def _same(trial: Trial, detector: Detector, batch: Batch) -> Iterator[tuple[str, FloatArray]]:
    """The scores of the same windows, asked in other ways."""
    yield "run again", detector.score(batch)[0]
    yield "in another batch", np.concatenate([detector.score(_rows(batch, [row]))[0] for row in range(WINDOWS)])
    if trial.detector == "set":
        turned = Batch(batch.events[:, ::-1].copy(), batch.counts[:, ::-1].copy())
        yield "their events in another order, which a set network does not see", detector.score(turned)[0]


def made_up(dim: int) -> Batch:
    """Four windows of three unit vectors `[dim]`, of any sign; the last place of the last two is padding."""
    vectors = np.random.default_rng(0).standard_normal((WINDOWS, PLACES, dim)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    counts = np.array([[1, 2, 1], [1, 1, 7], [3, 1, 0], [1, 0, 0]], dtype=np.float32)
    vectors[counts == 0] = 0.0
    return Batch(vectors, counts)


def _rows(batch: Batch, rows: list[int]) -> Batch:
    return Batch(batch.events[rows], batch.counts[rows])


def _range(values: FloatArray) -> str:
    return f"{values.min()} to {values.max()}"


def _limit() -> None:
    """Limit this process to the memory that it has, and `MEMORY_BYTES` more."""
    with open("/proc/self/statm", encoding="ascii") as statm:
        present = int(statm.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (present + MEMORY_BYTES,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limit_seconds() -> None:
    """Limit this process to `CPU_SECONDS` of a core from now on. A model that a busy machine delays has done nothing
    wrong."""
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + CPU_SECONDS, most))


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Try the models of a stream until it ends."""
    decoder = msgspec.msgpack.Decoder(Trial)
    while length := source.read(4):
        _limit_seconds()
        problem = problem_of(decoder.decode(source.read(int.from_bytes(length, "big"))))
        sink.write(msgspec.json.encode(problem) + b"\n")
        sink.flush()


if __name__ == "__main__":
    _limit()
    serve(sys.stdin.buffer, sys.stdout.buffer)
