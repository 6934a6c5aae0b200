"""A server the recorder starts and ends, by its own pid only."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from datasets.record.errors import RecordError


class Process:
    """One child process whose output is appended to a file.

    :param user: the account to run as; servers such as PostgreSQL refuse root.
    """

    def __init__(
        self, argv: Sequence[str], output: Path, user: str | None = None, env: dict[str, str] | None = None
    ) -> None:
        self.argv = list(argv)
        self.output = output
        self.user = user
        self.env = {**os.environ, **(env or {})}
        self._child: subprocess.Popen[bytes] | None = None
        self._ended = False
        self._gate = threading.Lock()

    @property
    def pid(self) -> int:
        """The pid of the running child."""
        if self._child is None:
            raise RecordError(f"{self.argv[0]} is not running; start it first")
        return self._child.pid

    def start(self) -> None:
        """Start it in a session of its own.

        :raises RecordError: when it was ended for good.
        """
        with self._gate, self.output.open("ab") as sink:
            if self._ended:
                raise RecordError(f"{self.argv[0]} was ended for good; the recording is over")
            self._child = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, user=self.user,
                env=self.env, start_new_session=True, cwd="/",
            )  # fmt: skip

    def send(self, number: int) -> None:
        """Send a signal, if it still runs."""
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(number)

    def stop(self, number: int = signal.SIGTERM, within_s: float = 20.0) -> None:
        """End it with `number`, and by force after `within_s` seconds."""
        if self._child is None:
            return
        self.send(signal.SIGCONT)
        self.send(number)
        try:
            self._child.wait(within_s)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()

    def end(self, number: int = signal.SIGTERM, within_s: float = 20.0) -> None:
        """Stop it for good, with all processes below it, frozen ones too; no thread can start it again."""
        with self._gate:
            self._ended = True
        if self._child is None:
            return
        family = offspring(self._child.pid)  # asked before it goes: then they are no longer its own
        for member in family:
            member.send(signal.SIGCONT)
        self.stop(number, within_s)
        for member in family:
            member.send(signal.SIGKILL)


class Relative(NamedTuple):
    """A process below one of ours. Pids come round again, so the moment it began counts too."""

    pid: int
    name: str
    began: str

    def send(self, number: int) -> None:
        """Send a signal, if it is still the same process."""
        now = _relative(self.pid)
        if now and now.began == self.began:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


def offspring(pid: int) -> list[Relative]:
    """The processes below `pid`: children, and theirs."""
    family: list[Relative] = []
    for listed in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # a thread that just ended
            family += filter(None, map(_relative, map(int, listed.read_text().split())))
    return [relative for child in family for relative in (child, *offspring(child.pid))]


def _relative(pid: int) -> Relative | None:
    """What the kernel says of `pid` (see proc(5)), or None when there is no such process."""
    try:
        head, tail = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)
    except OSError:
        return None
    return Relative(pid, head.split("(", 1)[1], tail.split()[19])


def run(argv: Sequence[str], user: str | None = None, cwd: str = "/") -> str:
    """Run a command to its end and return its output.

    :raises RecordError: when it does not succeed.
    """
    done = subprocess.run(argv, user=user, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RecordError(f"{' '.join(argv)} gave {done.returncode}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def free_port() -> int:
    """A TCP port free on loopback now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int, within_s: float = 30.0) -> None:
    """Wait until something listens on loopback `port`.

    :raises RecordError: when nothing does within `within_s` seconds.
    """
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RecordError(f"nothing listens on port {port} after {within_s:.0f} s; read the server's output")
