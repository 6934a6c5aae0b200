"""A Ray cluster to run jobs on: the one at an address, or a local one that ends with its context."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import SecretStr

from fusionlog.errors import RayError
from fusionlog.utils.processes import Child
from ray_jobs.progress import Show, nothing
from ray_jobs.submit import TOKEN_VARIABLE, JobResult, submit

START_SECONDS = 90.0
STOP_SECONDS = 20.0
POLL_SECONDS = 0.1


class Cluster:
    """A client that runs this package's jobs, `python -m ray_jobs.<name>`, by the Ray Jobs API."""

    def __init__(self, address: str | None, local: Child | None = None, token: str | None = None) -> None:
        self._address, self._local, self.token = address, local, token

    async def run(
        self, name: str, arguments: Sequence[str], env: Mapping[str, str], timeout: float = 600.0,
        show: Show = nothing,
    ) -> JobResult:  # fmt: skip
        """Run a job to its end.

        :param env: settings of the job, as environment variables; the values of secrets among them are not sent.
        :param timeout: seconds after which it is stopped.
        :param show: takes the lines of its progress, as they come, in a thread.
        :raises RayError: the cluster does not answer, or the job failed.
        """
        address = await self.address()
        python = "python" if self._local is None else sys.executable
        command = [python, "-m", f"ray_jobs.{name}", *arguments]
        return await asyncio.to_thread(submit, address, command, env, timeout, self.token, show)

    async def address(self) -> str:
        """The address of the Jobs API; that of a local one when it is up.

        :raises RayError: it did not come up.
        """
        if self._address is None:
            assert self._local is not None
            self._address = await _announced(self._local)
        return self._address


@asynccontextmanager
async def cluster(address: str | None, log: Path, token: SecretStr | None = None) -> AsyncIterator[Cluster]:
    """The cluster at an address, or a local one that comes up meanwhile and ends with the context.

    The local one has a token of its own, so nobody else can use it.

    :param log: file of the local one's output.
    :param token: of the cluster at the address; default: that in Ray's own variable.
    """
    if address is not None:
        yield Cluster(address, token=token.get_secret_value() if token else os.environ.get(TOKEN_VARIABLE))
        return
    own = secrets.token_hex(32)
    child = Child("the local Ray", [sys.executable, "-m", "ray_jobs.local"], log, {**os.environ, TOKEN_VARIABLE: own})
    await child.start()
    try:
        yield Cluster(None, child, own)
    finally:
        await child.stop(STOP_SECONDS)


async def _announced(child: Child) -> str:
    """The address that the local Ray prints on a line of its own when it is up."""
    try:
        async with asyncio.timeout(START_SECONDS):
            while True:
                for line in child.tail().splitlines():
                    if line.startswith("http://"):
                        return line.strip()
                child.check()
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        raise RayError(f"the local Ray did not come up in {START_SECONDS:.0f} s: {child.last_line()}") from None
