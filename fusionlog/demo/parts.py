"""The parts that a demo starts, each as a context that ends what it started: Kafka, Ray, the workers."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from fusionlog.children import Child
from fusionlog.errors import RayError
from fusionlog.settings import KafkaSettings
from fusionlog.streaming.broker import EmbeddedBroker
from fusionlog.streaming.client import reach

ROLES = ("ingest", "score", "label")
RAY_SECONDS = 60.0
POLL_SECONDS = 0.1


@asynccontextmanager
async def kafka(address: str | None, logs: Path) -> AsyncIterator[str]:
    """The bootstrap servers of the Kafka at `address`, or of an embedded broker.

    :raises BrokerError: it does not answer.
    """
    if address is not None:
        await reach(KafkaSettings(bootstrap_servers=address))
        yield address
        return
    broker = EmbeddedBroker(log=logs / "broker.log")
    await broker.start()
    try:
        yield broker.settings.bootstrap_servers
    finally:
        await broker.stop()


class Ray:
    """A Ray cluster to submit jobs to: one that is there, or a local one that is still coming up."""

    def __init__(self, address: str | None, child: Child | None) -> None:
        self._address, self._child = address, child

    async def address(self) -> str:
        """The address of its Jobs API, once it has one.

        :raises RayError: the local one did not come up.
        """
        if self._address is None:
            assert self._child is not None
            self._address = await _announced(self._child)
        return self._address


@asynccontextmanager
async def ray(address: str | None, logs: Path) -> AsyncIterator[Ray]:
    """The Ray at `address`, or a local one; it comes up while other things start."""
    if address is not None:
        yield Ray(address, None)
        return
    child = Child("the local Ray", [sys.executable, "-m", "ray_jobs.local"], logs / "ray.log")
    await child.start()
    try:
        yield Ray(None, child)
    finally:
        await child.stop(grace=20.0)


async def _announced(child: Child) -> str:
    """The address that the local Ray prints on a line of its own when it is up."""
    try:
        async with asyncio.timeout(RAY_SECONDS):
            while True:
                for line in child.tail().splitlines():
                    if line.startswith("http://"):
                        return line.strip()
                child.check()
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        raise RayError(f"the local Ray did not come up in {RAY_SECONDS:.0f} s: {child.last_words()}") from None


@asynccontextmanager
async def workers(env: Mapping[str, str], logs: Path) -> AsyncIterator[dict[int, Child]]:
    """One worker of each role under these settings, by the port of its metrics."""
    started: dict[int, Child] = {}
    try:
        for role in ROLES:
            port = free_port()
            child = Child(
                f"the {role} worker",
                [sys.executable, "-m", "fusionlog", "worker", role],
                logs / f"{role}.log",
                {**os.environ, **env, "FUSIONLOG_METRICS_PORT": str(port)},
            )
            await child.start()
            started[port] = child
        yield started
    finally:
        await asyncio.gather(*(child.stop() for child in started.values()))


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
