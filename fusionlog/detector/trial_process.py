"""The child process in which models are tried before they are used: one that hangs, or takes all memory, ends there."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from threading import Lock, Timer

import msgspec

from fusionlog import releases
from fusionlog.detector.model_trial import CPU_SECONDS, Trial
from fusionlog.errors import ModelError
from fusionlog.records import ModelRelease
from fusionlog.utils.processes import end_with_parent

SECONDS = 300.0
"""A process that is not heard of for so long hangs. On a starved machine its start alone takes half a minute, and what
a model may take of a core is limited in the process."""


class TrialProcess:
    """Tries the models of releases, one at a time, in a process that lives as long as this object. Thread-safe.

    :param seconds: how long a trial may take, the start of the process included.
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds, self._lock = seconds, Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def check(self, release: ModelRelease) -> None:
        """Try the model of a release.

        :raises ModelError: it fails, takes too long or too much memory, or gives what is no probability.
        """
        vectors = releases.unpack_vectors(release.vectors)
        with self._lock:
            problem = self._try(Trial(release.onnx, vectors.shape[1], release.detector))
        if problem is not None:
            raise ModelError(
                f"the model of release {release.version} of system {release.system} failed its trial: {problem}; "
                "distil it again"
            )

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _try(self, trial: Trial) -> str | None:
        process = self._started()
        message = msgspec.msgpack.encode(trial)
        timer = Timer(self._seconds, process.kill)
        timer.start()
        try:
            assert process.stdin is not None and process.stdout is not None
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(len(message).to_bytes(4, "big") + message)
                process.stdin.flush()
            answer = process.stdout.readline()
        finally:
            timer.cancel()
        if answer.endswith(b"\n"):
            return msgspec.json.decode(answer, type=str | None)
        self._end()
        return (
            f"it ended the process of its trial, took more than {CPU_SECONDS} s of a core, or longer than "
            f"{self._seconds:.0f} s"
        )

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "fusionlog.detector.model_trial"], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, preexec_fn=end_with_parent,
                env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            )  # fmt: skip
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
