"""ONNX Runtime sessions: their options, execution providers and errors."""

from __future__ import annotations

from typing import Any, Literal

import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as failures

Provider = Literal["auto", "cuda", "cpu"]

CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
OnnxError = (
    failures.Fail,
    failures.InvalidArgument,
    failures.InvalidGraph,
    failures.InvalidProtobuf,
    failures.NotImplemented,
    failures.RuntimeException,
    failures.EPFail,
)
"""What ONNX Runtime raises; they have no base of their own."""


def providers(wanted: Provider, available: list[str]) -> list[str]:
    """The execution providers to try, in order."""
    return [CUDA, CPU] if wanted != "cpu" and CUDA in available else [CPU]


def session_options(threads: int) -> Any:
    """Options of a session that leaves the other cores alone: its threads sleep while there is nothing to do."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options
