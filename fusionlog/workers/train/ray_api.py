"""Ray's Jobs API over HTTP: submit a job under an id of one's own, find it again, read its log, stop it.

The role has no Ray of its own: these four requests are all it needs, and they are the same for every version of Ray.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import aiohttp

from fusionlog.errors import RayError
from fusionlog.utils.masking import masked_url

TIMEOUT_SECONDS = 30.0
MOST_BYTES = 64 * 1024 * 1024
"""Of a response; a log that is longer is not read."""
NOT_FOUND = 404
REFUSED = (401, 403)
NO_AGENT = "No available agent"

Progress = Literal["pending", "running", "succeeded", "failed", "stopped"]


@dataclass(frozen=True)
class JobStatus:
    """What Ray reports of a job. `code` is the exit code of its command, None where it has none."""

    progress: Progress
    message: str = ""
    code: int | None = None

    @property
    def ended(self) -> bool:
        """Whether it runs no more."""
        return self.progress in ("succeeded", "failed", "stopped")


class RefusedJobError(RayError):
    """Ray answers, and does not take a job."""


class RayJobs(Protocol):
    """Jobs of a Ray cluster. Every method raises a `RayError` where the cluster does not answer."""

    async def submit(self, id: str, entrypoint: str, env: Mapping[str, str]) -> None:
        """Have Ray run a command as the job of this id; nothing happens where it has a job of this id.

        :raises RefusedJobError: it does not take the job.
        """

    async def status(self, id: str) -> JobStatus | None:
        """The status of a job; None: Ray has no job of this id."""

    async def log(self, id: str) -> str:
        """The standard output and error of a job."""

    async def stop(self, id: str) -> None:
        """Have Ray end a job."""

    async def close(self) -> None:
        """Close the connections."""


class RayApi:
    """The Jobs API at an address.

    :param address: `http://host:port`.
    :param token: of a cluster that needs one.
    """

    def __init__(self, address: str, token: str | None = None) -> None:
        self.address, self._place = address.rstrip("/"), masked_url(address)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._session: aiohttp.ClientSession | None = None

    async def submit(self, id: str, entrypoint: str, env: Mapping[str, str]) -> None:
        """See `RayJobs`. A refusal may be of a second submission: then the job is found by its id."""
        body = {"entrypoint": entrypoint, "submission_id": id, "runtime_env": {"env_vars": dict(env)}}
        status, text = await self._request("POST", "", body)
        if status == 200 or await self.status(id) is not None:
            return
        if NO_AGENT in text:
            raise RayError(f"Ray at {self._place} has started, and has no node yet that takes jobs")
        raise RefusedJobError(f"Ray at {self._place} does not take job {id}: {_last_line(text)} (status {status})")

    async def status(self, id: str) -> JobStatus | None:
        """See `RayJobs`."""
        status, text = await self._request("GET", id)
        if status == NOT_FOUND:
            return None
        return job_status(self._read(status, text))

    async def log(self, id: str) -> str:
        """See `RayJobs`."""
        return str(self._read(*await self._request("GET", f"{id}/logs")).get("logs") or "")

    async def stop(self, id: str) -> None:
        """See `RayJobs`."""
        await self._request("POST", f"{id}/stop")

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    def _read(self, status: int, text: str) -> dict[str, Any]:
        """The object in a response.

        :raises RayError: it has none.
        """
        try:
            found = json.loads(text) if status == 200 else None
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise RayError(f"Ray at {self._place} answers {status}: {_last_line(text)}")
        return found

    async def _request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, str]:
        """Status and text of a response.

        :raises RayError: there is none, it is too long, or the token is refused.
        """
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers=self._headers, timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
            )
        url = f"{self.address}/api/jobs/{path}"
        try:
            async with self._session.request(method, url, json=body, allow_redirects=False) as response:
                data = await _bounded(response)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise RayError(
                f"no Ray Jobs API at {self._place} ({_words(error)}): start Ray there, or set FUSIONLOG_RAY_ADDRESS"
            ) from error
        if response.status in REFUSED:
            raise RayError(
                f"Ray at {self._place} refuses the token of this worker (status {response.status}): set "
                "FUSIONLOG_RAY_TOKEN to that of the cluster"
            )
        return response.status, data.decode(errors="replace")


def job_status(found: Mapping[str, Any]) -> JobStatus:
    """The status in Ray's description of a job.

    :raises RayError: it is none of Ray's.
    """
    names: dict[str, Progress] = {
        "PENDING": "pending", "RUNNING": "running", "SUCCEEDED": "succeeded", "FAILED": "failed", "STOPPED": "stopped",
    }  # fmt: skip
    name, code = str(found.get("status")), found.get("driver_exit_code")
    if name not in names:
        raise RayError(f"Ray reports a job of the unknown status {name[:40]!r}")
    return JobStatus(names[name], str(found.get("message") or ""), code if isinstance(code, int) else None)


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    data = bytearray()
    async for chunk in response.content.iter_chunked(1 << 16):
        data += chunk
        if len(data) > MOST_BYTES:
            raise ValueError(f"its answer has more than {MOST_BYTES} bytes")
    return bytes(data)


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1][:300] if lines else "it gives no reason"


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
