"""ONNX Runtime sessions: their options, execution providers and errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Literal

import onnxruntime as ort
import structlog
from onnxruntime.capi import onnxruntime_pybind11_state as failures

from fusionlog.errors import SettingError
from fusionlog.utils.cuda import CPU, CUDA, CUDA_OPTIONS, DEVICE, Missing, brief, missing_cuda

log = structlog.get_logger(__name__)

Provider = Literal["auto", "cuda", "cpu"]
Device = Literal["cuda", "cpu"]
Part = Literal["scorer", "encoder"]

SETTING = "FUSIONLOG_SCORE__PROVIDER"
OnnxError = (
    failures.Fail,
    failures.InvalidArgument,
    failures.InvalidGraph,
    failures.InvalidProtobuf,
    failures.NotImplemented,
    failures.RuntimeException,
    UnicodeDecodeError,  # The message of a refusal has the bytes of a model's names as they are.
    failures.EPFail,
    RuntimeError,
)
"""What ONNX Runtime raises; they have no base of their own, and a failed call of CUDA is a plain RuntimeError."""


class Session:
    """A session of a model on the provider of the setting.

    | provider | CUDA works | it does not | it fails later, on inputs that the CPU takes |
    |---|---|---|---|
    | `cpu` | CPU | CPU | |
    | `auto` | CUDA | CPU; one warning a process where the build for CUDA is installed | CPU from then on, a warning |
    | `cuda` | CUDA | SettingError | SettingError |

    :param model: the ONNX model's bytes, or its file. :param threads: CPU threads within one operator.
    :param part: what the model is, for messages.
    :raises SettingError: the setting is `cuda`, and CUDA cannot be used.
    """

    def __init__(self, model: bytes | str, wanted: Provider, threads: int, part: Part) -> None:
        self._model, self._wanted, self._threads, self._part = model, wanted, threads, part
        self._session = self._open()

    @property
    def provider(self) -> Device:
        """The provider that the session really has."""
        return "cuda" if CUDA in self._session.get_providers() else "cpu"

    @property
    def names(self) -> tuple[set[str], set[str]]:
        """The names of the inputs, and of the outputs."""
        nodes = self._session.get_inputs(), self._session.get_outputs()
        return {node.name for node in nodes[0]}, {node.name for node in nodes[1]}

    def run(
        self, outputs: Sequence[str], inputs: Mapping[str, Any], options: ort.RunOptions | None = None
    ) -> list[Any]:
        """The outputs of a batch.

        :param options: of the run; `terminate` ends it from another thread.
        :raises SettingError: the setting is `cuda`, and CUDA failed on what the CPU takes.
        """
        try:
            return list(self._session.run(outputs, inputs, options))
        except OnnxError as error:
            if self.provider == "cpu" or (options is not None and options.terminate):
                raise
            session = self._on_cpu()
            found = list(session.run(outputs, inputs, options))
            self._leave_cuda(brief(error), DEVICE)
            self._session = session
            return found

    def _open(self) -> Any:
        """A session on CUDA where that is wanted and works, else on the CPU."""
        if self._wanted == "cpu":
            return self._on_cpu()
        missing = missing_cuda()
        if missing is not None:
            require_cuda(self._wanted, self._part, missing)
            if missing.expected:
                _warn_once(missing)
            return self._on_cpu()
        try:
            session, why = self._on(((CUDA, CUDA_OPTIONS), CPU)), "ONNX Runtime made a session without it"
            if CUDA in session.get_providers():
                return session
        except OnnxError as error:
            why = brief(error)
        session = self._on_cpu()
        self._leave_cuda(why, DEVICE)
        return session

    def _on_cpu(self) -> Any:
        return self._on((CPU,))

    def _on(self, providers: Sequence[object]) -> Any:
        # ONNX Runtime's own fallback prints to standard output, and the caller gets no error.
        options = session_options(self._threads)
        return ort.InferenceSession(self._model, options, providers=list(providers), enable_fallback=0)

    def _leave_cuda(self, why: str, remedy: str) -> None:
        require_cuda(self._wanted, self._part, Missing(why, remedy))
        log.warning(f"CUDA failed: the {self._part} runs on the CPU from now on", why=why, remedy=remedy)


def check_provider(wanted: Provider) -> None:
    """Check a setting before a session is opened.

    :raises SettingError: it is `cuda`, and CUDA cannot be used.
    """
    if wanted == "cuda":
        require_cuda(wanted, "worker", missing_cuda())


def require_cuda(wanted: Provider, part: str, missing: Missing | None) -> None:
    """:raises SettingError: the setting is `cuda`, and something is missing."""
    if wanted == "cuda" and missing is not None:
        remedy = f"the {part} cannot run on CUDA ({missing.why}); {missing.remedy}, or set it to auto or cpu"
        raise SettingError(SETTING, wanted, remedy)


@cache
def _warn_once(missing: Missing) -> None:
    log.warning(
        "CUDA cannot be used: scorer and encoder run on the CPU", why=missing.why, remedy=missing.remedy,
        setting=SETTING, value="auto",
    )  # fmt: skip


def session_options(threads: int) -> Any:
    """Options of a session that leaves the other cores alone: its threads sleep while there is nothing to do."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options
