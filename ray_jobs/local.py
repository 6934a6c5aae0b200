"""A local Ray for the embedded default: `python -m ray_jobs.local` prints its Jobs API address and runs until ended.

It is `ray start --head --block` without what one machine does not need (autoscaler, log monitor, metrics, workers
started ahead), on loopback alone, with ports and a directory of its own, so that it lives beside other Rays. It ends on
SIGTERM, on Ctrl-C and with its parent, and removes its processes and its directory. `ray stop` is never called: that
would end other people's Rays as well. A client needs the token in RAY_AUTH_TOKEN; where that is not set, one is made
and printed.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import FrameType

import typer

from fusionlog.errors import FusionLogError, RayError
from fusionlog.utils.processes import end_with_parent
from ray_jobs.submit import TOKEN_VARIABLE

HOST = "127.0.0.1"
START_SECONDS = 120.0
STOP_SECONDS = 5.0
POLL_SECONDS = 0.2
MARK = "LOCAL_RAY_DIRECTORY"
"""In the environment of every process of a local Ray, so that those which outlive its clean-up are found."""
RAYS = "r"
"""Ray's directory within it: a short name, for Linux allows a socket's path 107 bytes."""
SESSION_FIELD = 3
"""Of /proc/PID/stat, counted from behind the command's name."""
OBJECT_STORE_BYTES = 100 * 1024 * 1024
SWITCHES = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # Ray's switch for "one machine": every service listens on loopback
    "RAY_AUTH_MODE": "token",  # a machine has other users, and a job is any command
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_enable_metrics_collection": "0",
    "RAY_enable_open_telemetry": "0",
    "RAY_enable_timeline": "0",
    "RAY_enable_worker_prestart": "0",
    "RAY_prestart_worker_first_driver": "0",
    "RAY_DASHBOARD_STARTUP_TIMEOUT_S": "100",  # of 60: a machine that is busy takes longer
}


class LocalRay:
    """A Ray head on this machine, a child of this process.

    :param cpus: tasks of one CPU that may run at a time.
    :param token: the token that a client must send.
    """

    def __init__(self, cpus: int, token: str) -> None:
        self._cpus, self._token = cpus, token
        # Ray opens its own directory to every user; they cannot pass this one, which is ours alone (0700).
        self._directory = Path(tempfile.mkdtemp(prefix="fusionlog-ray-"))
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """The address of the Jobs API."""
        return f"http://{HOST}:{self._port}"

    def start(self) -> None:
        """Return when the Jobs API can run a job.

        :raises RayError: it did not come up.
        """
        with (self._directory / "start.log").open("wb") as log:
            self._process = subprocess.Popen(
                self._command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **SWITCHES, TOKEN_VARIABLE: self._token, MARK: str(self._directory),
                     "PATH": _path()},
                start_new_session=True, preexec_fn=end_with_parent,
            )  # fmt: skip
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RayError(f"the local Ray did not come up: {self._last_line()}")
            time.sleep(POLL_SECONDS)

    def wait(self) -> int:
        """The exit code of Ray, when it ends by itself."""
        assert self._process is not None
        return self._process.wait()

    def stop(self) -> None:
        """End Ray and every process that it started, and remove its directory."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._end_left_overs()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _command(self) -> list[str]:
        return [
            sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--no-monitor",
            "--include-log-monitor=false", "--disable-usage-stats", f"--node-ip-address={HOST}", "--port=0",
            f"--ray-client-server-port={_free_port()}",
            "--include-dashboard=true", f"--dashboard-host={HOST}", f"--dashboard-port={self._port}",
            "--dashboard-agent-listen-port=0", f"--num-cpus={self._cpus}", f"--temp-dir={self._directory / RAYS}",
            f"--object-store-memory={OBJECT_STORE_BYTES}",
        ]  # fmt: skip

    def _answers(self) -> bool:
        """Whether the Jobs API answers; an HTTP error is an answer."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            opener.open(f"{self.address}/api/jobs/", timeout=5).close()
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    def _last_line(self) -> str:
        lines = (self._directory / "start.log").read_text(errors="replace").strip().splitlines()
        return lines[-1].strip() if lines else "it printed nothing"

    def _end_left_overs(self) -> None:
        """End processes that outlived Ray's own clean-up: those of our session, those that carry our mark, no other."""
        assert self._process is not None
        mark = f"{MARK}={self._directory}".encode()
        for place in Path("/proc").glob("[0-9]*"):
            try:
                session = int((place / "stat").read_text().rpartition(")")[2].split()[SESSION_FIELD])
                # Ray's own processes overwrite their environment with their titles; a job has a session of its own.
                if session == self._process.pid or mark in (place / "environ").read_bytes().split(b"\0"):
                    os.kill(int(place.name), signal.SIGKILL)
            except (ProcessLookupError, FileNotFoundError, PermissionError):
                continue


def main(cpus: int = typer.Option(min(2, os.cpu_count() or 1), help="tasks of one CPU that may run at a time")) -> None:
    """Run a local Ray until SIGTERM or Ctrl-C; print the address of its Jobs API when it is up."""
    end_with_parent()
    signal.signal(signal.SIGTERM, _interrupt)
    token = os.environ.get(TOKEN_VARIABLE) or secrets.token_hex(32)
    ray = LocalRay(cpus, token)
    try:
        ray.start()
        if TOKEN_VARIABLE not in os.environ:
            typer.echo(f"export {TOKEN_VARIABLE}={token}", err=True)
        typer.echo(ray.address)
        code = ray.wait()
        raise RayError(f"the local Ray ended by itself (exit code {code})")
    except FusionLogError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        ray.stop()


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _path() -> str:
    """The search path of jobs: their `python` is this one, as it is in an image."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    typer.run(main)
