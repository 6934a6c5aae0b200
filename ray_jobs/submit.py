"""Submitting a job to a Ray cluster, or to the local one, by the Ray Jobs API, and waiting for its end."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fusionlog.errors import MissingExtraError, RayError
from fusionlog.settings import Settings, by_reference
from fusionlog.utils.masking import masked_url

EXPECTED = (0, 3, 4)
"""Exit codes that are a result: done, refused by the gate, nothing to do (see `ray_jobs.report`)."""
TOKEN_VARIABLE = "RAY_AUTH_TOKEN"
"""Ray's own variable: the token of a cluster that needs one."""
POLL_SECONDS = 0.3
START_SECONDS = 60.0
"""A Ray that has just started answers before it has an agent that takes jobs; so long a job waits for one."""
NO_AGENT = "No available agent"
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
    address: str, entrypoint: Sequence[str], env: Mapping[str, str], timeout: float = 600.0, token: str | None = None
) -> JobResult:
    """Run a command as a job and wait until it has ended.

    :param address: of the Jobs API, `http://host:port`.
    :param env: environment variables of the job. Ray logs them, so secrets go by reference (`by_reference`).
    :param timeout: seconds after which the job is stopped.
    :param token: of a cluster that needs one.
    :raises RayError: the cluster does not answer, the job failed, or it took too long.
    """
    client, place = _client(address, token), masked_url(address)
    variables = by_reference(Settings, env)
    try:
        job = _submitted(client, shlex.join(entrypoint), variables)
        status = _wait(client, job, timeout)
        lines = client.get_job_logs(job).strip().splitlines()
        code = client.get_job_info(job).driver_exit_code
    except (RuntimeError, ConnectionError) as error:
        raise RayError(f"Ray at {place} stopped answering: {_first_line(error)}") from error
    code = 0 if str(status) == "SUCCEEDED" else (1 if code is None else code)
    if code not in EXPECTED:
        last = lines[-1] if lines else "it printed nothing"
        raise RayError(f"the Ray job {' '.join(entrypoint[-6:])!r} failed (exit code {code}): {last}")
    return JobResult(job, code, _report(lines), lines[-TAIL_LINES:])


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
    except (RuntimeError, ConnectionError, ValueError) as error:
        raise RayError(f"no Ray Jobs API at {place}: start Ray there, or set FUSIONLOG_RAY_ADDRESS") from error


def _submitted(client: Any, entrypoint: str, variables: Mapping[str, str]) -> str:
    """The id of a job that Ray has taken."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            return str(client.submit_job(entrypoint=entrypoint, runtime_env={"env_vars": variables}))
        except RuntimeError as error:
            if NO_AGENT not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(POLL_SECONDS)


def _wait(client: Any, job: str, timeout: float) -> Any:
    deadline = time.monotonic() + timeout
    while not (status := client.get_job_status(job)).is_terminal():
        if time.monotonic() > deadline:
            client.stop_job(job)
            raise RayError(f"the Ray job {job} did not end in {timeout:.0f} s and was stopped")
        time.sleep(POLL_SECONDS)
    return status


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
