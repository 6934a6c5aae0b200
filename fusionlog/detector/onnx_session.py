"""The ONNX Runtime session of a small model, on CUDA where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer

import numpy as np
import onnxruntime as ort

from fusionlog.detector.batch import Batch
from fusionlog.errors import ModelError
from fusionlog.types import FloatArray
from fusionlog.utils.onnx import Device, OnnxError, Provider, Session

INPUTS = {"events", "counts"}
OUTPUTS = ["window", "event"]


class Detector:
    """An ONNX model with inputs `events`, `counts` and outputs `window`, `event`, as `Batch` describes them.

    :param onnx: the model's bytes.
    :param provider: `auto` takes CUDA where it works, `cuda` requires it.
    :param threads: CPU threads within one operator.
    :raises ModelError: the bytes are no ONNX model with these inputs and outputs.
    :raises SettingError: the provider is `cuda`, and CUDA cannot be used.
    """

    def __init__(self, onnx: bytes, provider: Provider = "auto", threads: int = 1) -> None:
        try:
            self._session = Session(onnx, provider, threads, "scorer")
        except OnnxError as error:
            raise ModelError(f"the model's ONNX bytes do not load: {error}; distil it again") from error
        _check_names(self._session)

    @property
    def provider(self) -> Device:
        """The provider that the model really runs on."""
        return self._session.provider

    def score(self, batch: Batch, options: ort.RunOptions | None = None) -> tuple[FloatArray, FloatArray]:
        """Probabilities of being anomalous: of the windows `[batch]`, and of their distinct events `[batch, events]`.

        :param options: of the run; `terminate` ends it from another thread.
        :raises ModelError: the model cannot take this batch, for example because its dimension is another, or a score
            of it is no number.
        :raises SettingError: the provider is `cuda`, and CUDA failed on a batch that the CPU takes.
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


def _check_names(session: Session) -> None:
    inputs, outputs = session.names
    if inputs != INPUTS or not outputs.issuperset(OUTPUTS):
        raise ModelError(
            f"the model has inputs {sorted(inputs)} and outputs {sorted(outputs)}, not {sorted(INPUTS)} and {OUTPUTS}: "
            "export it by fusionlog.detector.export"
        )
