"""Submitting a job to a Ray cluster, or to the local one, by the Ray Jobs API, and waiting for its end."""

from __future__ import annotations

import json
import shlex
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from fusionlog.errors import MissingExtraError, RayError
from fusionlog.settings import Settings, by_reference
from fusionlog.utils.failure_line import failure_line
from fusionlog.utils.masking import masked_url
from ray_jobs.progress import NewLines, Show, nothing

EXPECTED = (0, 3, 4, 5)
"""Exit codes that are a result: done, refused by the gate, nothing to do, some targets failed (`ray_jobs.report`)."""
TOKEN_VARIABLE = "RAY_AUTH_TOKEN"
"""Ray's own variable: the token of a cluster that needs one."""
POLL_SECONDS = 0.3
START_SECONDS = 60.0
"""A Ray that has just started answers before it has an agent that takes jobs; so long a job waits for one."""
NO_AGENT, TAKEN = "No available agent", "already exists"
AWAY_SECONDS = 60.0
"""So long a Jobs API may close connections while a job runs: a busy head does, and the job goes on."""
PENDING_SECONDS = 15.0
"""A job that no node has taken for so long is worth a line."""
TAIL_LINES = 20


@dataclass(frozen=True)
class JobResult:
    """The result of a job: its exit code, the JSON report that it printed last (empty without one), its last lines."""

    job: str
    code: int
    report: Mapping[str, Any]
    tail: Sequence[str]

    @property
    def published(self) -> int:
        """The number of releases that it published."""
        return int(self.report.get("published", 0))


def submit(
    address: str, entrypoint: Sequence[str], env: Mapping[str, str], timeout: float = 600.0, token: str | None = None,
    show: Show = nothing,
) -> JobResult:  # fmt: skip
    """Run a command as a job and wait until it has ended.

    :param address: of the Jobs API, `http://host:port`.
    :param env: environment variables of the job. Ray logs them, so secrets go by reference (`by_reference`).
    :param timeout: seconds after which the job is stopped.
    :param token: of a cluster that needs one.
    :param show: takes the lines of the job's progress, as they come.
    :raises RayError: the cluster does not answer, the job failed, or it took too long.
    """
    client, place, name = _client(address, token), masked_url(address), job_name(entrypoint)
    variables = by_reference(Settings, env)
    try:
        job = _submitted(client, shlex.join(entrypoint), variables)
        status = _wait(client, job, timeout, NewLines(name), show)
        lines = _again(lambda: client.get_job_logs(job)).strip().splitlines()
        info = _again(lambda: client.get_job_info(job))
    except (RuntimeError, OSError) as error:
        raise RayError(f"Ray at {place} stopped answering: {_first_line(error)}") from error
    code = 0 if str(status) == "SUCCEEDED" else (1 if info.driver_exit_code is None else info.driver_exit_code)
    if code not in EXPECTED:
        raise RayError(f"the Ray job {name} failed: {_why(lines, code, info)}")
    return JobResult(job, code, _report(lines), lines[-TAIL_LINES:])


def job_name(entrypoint: Sequence[str]) -> str:
    """The name of a job of this package as its command has it, `meta-train`; of another one, its first words."""
    module = next((word for word in entrypoint if word.startswith("ray_jobs.")), None)
    return module.removeprefix("ray_jobs.").replace("_", "-") if module else " ".join(entrypoint[:3])


def _why(lines: Sequence[str], code: int, info: Any) -> str:
    """Why a job failed: the reason of its report; without one its exception or last line, or what Ray reports of it."""
    if reason := _report(lines).get("reason"):
        return str(reason)
    last = failure_line(lines) or str(getattr(info, "message", None) or "it printed nothing").strip()
    return f"{last} (exit code {code})"


def _client(address: str, token: str | None) -> Any:
    try:
        from ray.exceptions import AuthenticationError
        from ray.job_submission import JobSubmissionClient
    except ImportError as error:
        raise MissingExtraError("ray", "train", "submitting a Ray job") from error
    place = masked_url(address)
    try:
        return JobSubmissionClient(address, headers={"Authorization": f"Bearer {token}"} if token else None)
    except AuthenticationError as error:
        raise RayError(
            f"Ray at {place} refuses a request without its token: set FUSIONLOG_RAY_TOKEN or {TOKEN_VARIABLE}"
        ) from error
    except (RuntimeError, OSError, ValueError) as error:
        raise RayError(f"no Ray Jobs API at {place}: start Ray there, or set FUSIONLOG_RAY_ADDRESS") from error


def _submitted(client: Any, entrypoint: str, variables: Mapping[str, str]) -> str:
    """The id of a job that Ray has taken. It is given with the job, so that no repetition is a second job."""
    deadline, job = time.monotonic() + START_SECONDS, f"fusionlog-{uuid.uuid4().hex[:16]}"
    sent = {"entrypoint": entrypoint, "runtime_env": {"env_vars": variables}, "submission_id": job}
    while True:
        try:
            _again(lambda: client.submit_job(**sent))
        except RuntimeError as error:
            if TAKEN in str(error):
                return job
            if NO_AGENT not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(POLL_SECONDS)
        else:
            return job


def _again(call: Callable[[], Any]) -> Any:
    """The answer to a request, which is repeated for `AWAY_SECONDS` where the connection is closed.

    :raises OSError: it never was answered.
    """
    deadline = time.monotonic() + AWAY_SECONDS
    while True:
        try:
            return call()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(POLL_SECONDS)


def _wait(client: Any, job: str, timeout: float, new: NewLines, show: Show) -> Any:
    """The status of a job at its end; its progress is shown up to there."""
    began, is_late = time.monotonic(), False
    while True:
        status = _again(lambda: client.get_job_status(job))
        if show is not nothing:
            # Ray refuses the log of a job that no node has taken yet.
            with suppress(RuntimeError, OSError):
                for line in new.take(client.get_job_logs(job)):
                    show(line)
        if status.is_terminal():
            return status
        seconds = time.monotonic() - began
        if not is_late and seconds > PENDING_SECONDS and str(status) == "PENDING":
            is_late = True
            show(f"{new.job}: not started yet, the cluster has no room for it")
        if seconds > timeout:
            client.stop_job(job)
            raise RayError(f"the Ray job {job} did not end in {timeout:.0f} s and was stopped")
        time.sleep(POLL_SECONDS)


def _report(lines: Sequence[str]) -> Mapping[str, Any]:
    """The last line that is a JSON object."""
    for line in reversed(lines):
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            return value
    return {}


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
