"""CUDA for ONNX Runtime: whether sessions run on it in this process, and what is missing where they do not."""

from __future__ import annotations

import ctypes
import io
import re
import warnings
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
import onnxruntime as ort

CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
CUDA_OPTIONS = {"use_tf32": "0"}
"""TF32 rounds the factors of a product to 10 bits: vectors would differ from the CPU's by 1e-3."""

GPU_PACKAGE = "onnxruntime-gpu"
LIBRARY = Path(ort.__file__).parent / "capi" / "libonnxruntime_providers_cuda.so"
QUIET, WARNINGS = 4, 2
"""Severities of ONNX Runtime's own log, on standard error; the second is its default."""

BUILD = "install fusionlog[gpu] in an environment of its own, instead of fusionlog[agents]"
LIBRARIES = "install fusionlog[gpu], which brings CUDA's libraries"
DEVICE = (
    "run it where nvidia-smi lists a GPU, and a driver for CUDA "
    f"{getattr(ort, 'cuda_version', '') or '13'} or later (a pod requests nvidia.com/gpu)"
)

_FAILURE = re.compile(r"\b(?:CUDA|CUDNN|CUBLAS|CUFFT)\w* (?:failure|error) -?\d+: [^;\n]+", re.IGNORECASE)
_PROBE = '<ir_version: 8, opset_import: ["" : 17]> probe (float[n, n] x) => (float[n, n] y) { y = MatMul(x, x) }'
MOST_CHARS = 300


@dataclass(frozen=True)
class Missing:
    """Why no session runs on CUDA, and the remedy. `expected`: ONNX Runtime for CUDA is installed, so CUDA was meant
    to be used."""

    why: str
    remedy: str
    expected: bool = True


@cache
def missing_cuda() -> Missing | None:
    """What is missing for sessions on CUDA; None where they run on it. Found out once a process, by a session.

    The libraries of the packages beside ONNX Runtime are loaded first: it does not look there itself.
    """
    _preload()
    if CUDA not in ort.get_available_providers():
        return _missing_build(getattr(ort, "package_name", "onnxruntime"))
    try:
        return None if _probe() else _missing_library()
    except Exception as error:  # what CUDA's calls raise has no class of its own
        return Missing(brief(error), DEVICE)


def brief(error: Exception) -> str:
    """CUDA's failure within an error of ONNX Runtime, which begins with signatures of C++; else the error's start."""
    text = str(error)
    found = _FAILURE.search(text)
    return (found.group() if found else " ".join(text.split()))[:MOST_CHARS].strip()


def _preload() -> None:
    """Load CUDA's libraries from site-packages; what is missing is printed there, and found by a session."""
    preload = getattr(ort, "preload_dlls", None)
    if preload is not None:
        with redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            preload()


def _probe() -> bool:
    """Whether a session of a tiny model has CUDA, and runs.

    :raises Exception: CUDA's libraries load, and a call of theirs fails.
    """
    from onnx import parser

    options = ort.SessionOptions()
    options.log_severity_level = QUIET
    ort.set_default_logger_severity(QUIET)
    try:
        session = ort.InferenceSession(
            parser.parse_model(_PROBE).SerializeToString(), options, providers=[(CUDA, CUDA_OPTIONS), CPU],
            enable_fallback=0,
        )  # fmt: skip
        session.run(None, {"x": np.ones((1, 1), np.float32)})
        return CUDA in session.get_providers()
    finally:
        ort.set_default_logger_severity(WARNINGS)


def _missing_build(loaded: str) -> Missing:
    """What is missing where ONNX Runtime does not list CUDA. `loaded`: the package of its build."""
    if loaded == GPU_PACKAGE:
        return _missing_library()
    if not installed(GPU_PACKAGE):
        return Missing(f"the installed ONNX Runtime, {loaded}, is no build for CUDA", BUILD, expected=False)
    return Missing(f"{loaded} and {GPU_PACKAGE} are both installed, own one module, and {loaded} is loaded", BUILD)


def installed(package: str) -> bool:
    """Whether a package is installed, by its metadata; not all packages, which takes half a second."""
    try:
        distribution(package)
    except PackageNotFoundError:
        return False
    return True


def _missing_library() -> Missing:
    """The first library that does not load, by the message of the dynamic loader."""
    try:
        ctypes.CDLL(str(LIBRARY))
    except OSError as error:
        why = brief(error)
        return Missing(why, DEVICE if "libcuda.so" in why else LIBRARIES)
    return Missing("ONNX Runtime made a session without it", LIBRARIES)
