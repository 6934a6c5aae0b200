"""The ONNX Runtime session of a small model, on CUDA where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer
from typing import Any, Literal

import numpy as np
import onnxruntime as ort
import structlog

from fusionlog.detector.batch import Batch
from fusionlog.errors import ModelError
from fusionlog.types import FloatArray
from fusionlog.utils.onnx import CPU, CUDA, OnnxError, Provider, providers, session_options

log = structlog.get_logger(__name__)
INPUTS = {"events", "counts"}
OUTPUTS = ["window", "event"]


class Detector:
    """An ONNX model with inputs `events`, `counts` and outputs `window`, `event`, as `Batch` describes them.

    :param onnx: the model's bytes.
    :param provider: `auto` takes CUDA where ONNX Runtime has it; `cuda` does so too, and warns where it has not.
    :param threads: CPU threads within one operator.
    :raises ModelError: the bytes are no ONNX model with these inputs and outputs.
    """

    def __init__(self, onnx: bytes, provider: Provider = "auto", threads: int = 1) -> None:
        self._session = _open(onnx, provider, threads)
        self.provider: Literal["cuda", "cpu"] = "cuda" if CUDA in self._session.get_providers() else "cpu"
        if provider == "cuda" and self.provider == "cpu":
            log.warning("CUDA is not there, scoring on the CPU", setting="FUSIONLOG_SCORE__PROVIDER", value=provider)
        _check_names(self._session)

    def score(self, batch: Batch, options: ort.RunOptions | None = None) -> tuple[FloatArray, FloatArray]:
        """Probabilities of being anomalous: of the windows `[batch]`, and of their distinct events `[batch, events]`.

        :param options: of the run; `terminate` ends it from another thread.
        :raises ModelError: the model cannot take this batch, for example because its dimension is another, or a score
            of it is no number.
        """
        try:
            window, event = self._session.run(OUTPUTS, {"events": batch.events, "counts": batch.counts}, options)
        except OnnxError as error:
            raise ModelError(f"the model failed on a batch of shape {batch.events.shape}: {error}") from error
        windows = np.asarray(window, dtype=np.float32)
        if not np.isfinite(windows).all():
            raise ModelError(f"the model's score of a window is no number, in a batch of shape {batch.events.shape}")
        return windows, batch.by_event(np.asarray(event, dtype=np.float32))


@contextmanager
def deadline(seconds: float) -> Iterator[ort.RunOptions]:
    """Options of runs that fail when so many seconds have passed."""
    options = ort.RunOptions()
    timer = Timer(seconds, lambda: setattr(options, "terminate", True))
    timer.daemon = True
    timer.start()
    try:
        yield options
    finally:
        timer.cancel()


def _open(onnx: bytes, wanted: Provider, threads: int) -> Any:
    """A session on the best provider that starts; the CPU where the GPU cannot be used."""
    options, names = session_options(threads), providers(wanted, ort.get_available_providers())
    try:
        return ort.InferenceSession(onnx, options, providers=names)
    except OnnxError as error:
        if names == [CPU]:
            raise ModelError(f"the model's ONNX bytes do not load: {error}; distil it again") from error
        log.warning("CUDA does not start, scoring on the CPU", error=str(error))
        return _open(onnx, "cpu", threads)


def _check_names(session: Any) -> None:
    inputs = {node.name for node in session.get_inputs()}
    outputs = {node.name for node in session.get_outputs()}
    if inputs != INPUTS or not outputs.issuperset(OUTPUTS):
        raise ModelError(
            f"the model has inputs {sorted(inputs)} and outputs {sorted(outputs)}, not {sorted(INPUTS)} and {OUTPUTS}: "
            "export it by fusionlog.detector.export"
        )
