"""Child processes that end with their parent, whatever ends it."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from fusionlog.errors import FusionLogError

PR_SET_PDEATHSIG = 1
TAIL_BYTES = 4000


class ChildError(FusionLogError):
    """A child process ended by itself, or could not be started."""


class Child:
    """A child process in a session of its own: a terminal's Ctrl-C reaches the parent alone. It writes to a file."""

    def __init__(self, name: str, command: Sequence[str], log: Path, env: Mapping[str, str] | None = None) -> None:
        self.name, self.log = name, log
        self._command, self._env = list(command), dict(env) if env is not None else None
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start the command.

        :raises ChildError: it cannot be started.
        """
        with self.log.open("wb") as output:
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output, env=self._env,
                    start_new_session=True, preexec_fn=end_with_parent,
                )  # fmt: skip
            except OSError as error:
                raise ChildError(f"{self.name} could not be started: {error}") from error

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.returncode is None

    def check(self) -> None:
        """Raise where the child no longer runs.

        :raises ChildError: it ended; the message has the end of its output.
        """
        if not self.running:
            code = self._process.returncode if self._process else None
            raise ChildError(f"{self.name} ended by itself (exit code {code}): {self.last_line()}")

    async def stop(self, grace: float = 10.0) -> None:
        """Terminate the child; kill its whole session after `grace` seconds."""
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), grace)
            except TimeoutError:
                _kill_session(process.pid)
                await process.wait()
        _kill_session(process.pid)

    def last_line(self) -> str:
        """The last line of its output, for an error message."""
        lines = self.tail().strip().splitlines()
        return lines[-1].strip() if lines else "it printed nothing"

    def tail(self) -> str:
        """The end of its output."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - TAIL_BYTES))
            return file.read().decode(errors="replace")


def end_with_parent() -> None:
    """Have Linux send this process SIGTERM when its parent dies; run in the child before it executes its command."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _kill_session(leader: int) -> None:
    """Kill the rest of the child's process group, which `start_new_session` made."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
