"""Workers as processes, the way an operator starts them, and what they count."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from benchmarks.kafka import free_ports
from fusionlog.utils.processes import Child

POLL_SECONDS = 0.1
START_SECONDS = 120.0
GIVE_UP_SECONDS = 600.0
PARTS = ("windowed", "dead_lettered", "dropped", "joined", "repeated", "released")


class LossError(Exception):
    """Lines or windows are missing, or came twice."""


class Worker:
    """A worker process and the port of its metrics."""

    def __init__(self, role: str, env: Mapping[str, str], logs: Path) -> None:
        (self.port,) = free_ports(1)
        command = [sys.executable, "-m", "fusionlog", "worker", role]
        env = {**os.environ, **env, "FUSIONLOG_METRICS_PORT": str(self.port), "FUSIONLOG_LOG_FORMAT": "json"}
        self.child = Child(f"the {role} worker", command, logs / f"{role}-{self.port}.log", env)

    def counts(self) -> Counter[str]:
        """Its samples by name, summed over their labels; none while it has not come up.

        :raises ChildError: it ended by itself.
        """
        self.child.check()
        found: Counter[str] = Counter()
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
                text = answer.read().decode()
        except (URLError, OSError):
            return found
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                found[sample.name] += sample.value  # type: ignore[assignment]
        return found

    async def says(self, text: str) -> None:
        """Return when its log has a text.

        :raises ChildError: it ended by itself. :raises TimeoutError: it did not say it in time.
        """
        async with asyncio.timeout(START_SECONDS):
            while text not in self.child.log.read_text(errors="replace"):
                self.child.check()
                await asyncio.sleep(POLL_SECONDS)


@asynccontextmanager
async def workers(roles: Sequence[str], env: Mapping[str, str], logs: Path) -> AsyncIterator[list[Worker]]:
    """A worker for each of the roles, started; all of them end with the body."""
    started = [Worker(role, env, logs) for role in roles]
    try:
        for worker in started:
            await worker.child.start()
        yield started
    finally:
        await asyncio.gather(*(worker.child.stop() for worker in started))


async def until(done: Callable[[], bool]) -> None:
    """Return when it is true.

    :raises TimeoutError: it did not become so in time.
    """
    async with asyncio.timeout(GIVE_UP_SECONDS):
        while not done():
            await asyncio.sleep(POLL_SECONDS)


def together(some: Sequence[Worker]) -> Counter[str]:
    """The counts of several workers, summed."""
    return sum((worker.counts() for worker in some), Counter[str]())


def unaccounted(counts: Mapping[str, float]) -> int:
    """Lines that were read and are neither windowed, dead-lettered, dropped, joined, repeated, released, nor open."""
    known = sum(counts.get(f"fusionlog_lines_{part}_total", 0) for part in PARTS) + counts.get(
        "fusionlog_lines_open", 0
    )
    return int(counts.get("fusionlog_lines_total", 0) - known)
