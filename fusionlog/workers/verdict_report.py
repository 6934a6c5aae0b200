"""What an operator must know of a system's verdicts: the first anomaly at once, and counts each minute."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, fields

import structlog

from fusionlog.kafka.stopping import cancelled
from fusionlog.records import Anomaly
from fusionlog.topics import CANARY
from fusionlog.types import Clock

log = structlog.get_logger(__name__)

FIRST_WINDOWS = 100
"""The first counts of a system come with so many windows, or after the first minute."""
PERIOD_SECONDS = 60.0
TICK_SECONDS = 1.0


@dataclass
class VerdictCounts:
    """Windows with a verdict of this worker, the anomalies among them, windows that are sent on for a second opinion,
    windows with a provisional verdict, anomalies that are muted, and windows on the dead-letter topic."""

    windows: int = 0
    anomalies: int = 0
    referred: int = 0
    provisional: int = 0
    muted: int = 0
    dead: int = 0

    def add(self, other: VerdictCounts) -> None:
        """Add other counts."""
        for each in fields(VerdictCounts):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))

    @property
    def any(self) -> bool:
        """Whether one is not zero."""
        return any(getattr(self, each.name) for each in fields(VerdictCounts))


@dataclass
class _System:
    period: VerdictCounts
    total: VerdictCounts
    began: float


class VerdictReport:
    """The verdicts of one worker on each system. `start` logs them in the background."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock, self._systems = clock, dict[str, _System]()
        self.learning: dict[str, str] = {}
        """The systems that are being learned, each as `120/200`: its offline verdicts are provisional."""
        self._task: asyncio.Task[None] | None = None

    def add(self, system: str, counts: VerdictCounts) -> None:
        """Note the counts of a batch."""
        self._of(system).period.add(counts)

    def anomaly(self, anomaly: Anomaly) -> None:
        """Note an anomaly; the first one of a system is logged."""
        found = self._of(anomaly.system)
        if not (found.period.anomalies or found.total.anomalies):
            what = anomaly.title or anomaly.reason
            _log(anomaly.system, f"{anomaly.system}: the first anomaly, session {anomaly.session}: {what}")
        found.period.anomalies += 1

    def due(self) -> dict[str, str]:
        """The line of each system that has one: after its first windows, then each minute that has any."""
        now, found = self._clock(), dict[str, str]()
        for name, system in self._systems.items():
            first = not system.total.any and system.period.windows >= FIRST_WINDOWS
            if system.period.any and (first or now - system.began >= PERIOD_SECONDS):
                system.total.add(system.period)
                found[name] = summary(name, system.period, system.total, self.learning.get(name))
                system.period, system.began = VerdictCounts(), now
        return found

    def start(self) -> None:
        """Log in the background."""
        self._task = asyncio.create_task(self._run(), name="the report on verdicts")

    @property
    def background(self) -> tuple[asyncio.Task[None], ...]:
        """The task that logs."""
        return () if self._task is None else (self._task,)

    async def stop(self) -> None:
        """Stop logging."""
        await cancelled(self._task)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            for system, line in self.due().items():
                _log(system, line)

    def _of(self, system: str) -> _System:
        if system not in self._systems:
            self._systems[system] = _System(VerdictCounts(), VerdictCounts(), self._clock())
        return self._systems[system]


def summary(system: str, counts: VerdictCounts, total: VerdictCounts, learning: str | None = None) -> str:
    """The verdicts of a period, and of all periods; kinds of which there are none are left out.

    :param learning: how far a system is that is being learned, as `120/200`.
    """
    others = (
        (counts.referred, "windows for a second opinion"), (counts.provisional, "provisional verdicts"),
        (counts.muted, "muted by an operator"), (counts.dead, "windows without a verdict on the dead-letter topic"),
    )  # fmt: skip
    parts = [f"{counts.windows} windows with a verdict", f"{counts.anomalies} anomalies"]
    parts += [f"{count} {what}" for count, what in others if count]
    parts += [f"learning {learning}"] if learning else []
    return f"{system}: {', '.join(parts)} ({total.windows} windows, {total.anomalies} anomalies since the start)"


def _log(system: str, line: str) -> None:
    # The canary has metrics of its own: each of its minutes is no news.
    (log.debug if system == CANARY else log.info)(line)
