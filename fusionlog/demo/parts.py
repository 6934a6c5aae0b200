"""The parts of a demo as async contexts that stop what they started: Kafka, a recorded teacher, the workers."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from fusionlog import settings
from fusionlog.kafka.client import reach
from fusionlog.kafka.embedded_broker import EmbeddedBroker
from fusionlog.utils.processes import Child

ROLES = ("ingest", "score", "label")
POLL_SECONDS = 0.1

_LISTENS = re.compile(r" at (http://\S+)\n")


@asynccontextmanager
async def kafka(address: str | None, logs: Path) -> AsyncIterator[str]:
    """The bootstrap servers of the Kafka at `address`, or of an embedded broker.

    :raises BrokerError: it does not answer.
    """
    if address is not None:
        await reach(settings.load(kafka={"bootstrap_servers": address}).kafka)
        yield address
        return
    broker = EmbeddedBroker(log=logs / "broker.log")
    await broker.start()
    try:
        yield broker.settings.bootstrap_servers
    finally:
        await broker.stop()


class Teacher(NamedTuple):
    """A running recorded teacher, and the base URL of its endpoint."""

    child: Child
    url: str


@asynccontextmanager
async def recorded_teacher(verdicts: Path | None, logs: Path) -> AsyncIterator[Teacher | None]:
    """Recorded verdicts behind an endpoint on a free port; None without recorded verdicts.

    :raises ChildError: the process ended by itself, for example because the file is malformed.
    """
    if verdicts is None:
        yield None
        return
    command = [sys.executable, "-m", "fusionlog", "replay-teacher", str(verdicts), "--port", "0"]
    child = Child("the recorded teacher", command, logs / "teacher.log", dict(os.environ))
    await child.start()
    try:
        while not (found := _LISTENS.search(child.tail())):
            child.check()
            await asyncio.sleep(POLL_SECONDS)
        yield Teacher(child, found[1])
    finally:
        await child.stop()


@asynccontextmanager
async def workers(env: Mapping[str, str], logs: Path, roles: Sequence[str] = ROLES) -> AsyncIterator[dict[int, Child]]:
    """One worker of each role under these settings, by the port of its metrics."""
    started: dict[int, Child] = {}
    try:
        for role in roles:
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
    """A port of loopback without a listener."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
