"""The canary: known sessions, from lines to anomalies. `fusionlog worker canary`, or `faust -A agents.canary worker`.

A role of its own: it must outlive what it watches, and no other role may write raw lines.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from agents.app import ReaderApp, of_environment
from fusionlog.detector.trial_process import TrialProcess
from fusionlog.errors import SettingError
from fusionlog.kafka.producer import Producer
from fusionlog.kafka.table_dead_letters import log_refused
from fusionlog.observability.health import Health
from fusionlog.settings import Settings
from fusionlog.topics import CANARY, Role
from fusionlog.workers.canary.arrivals import arrivals_table
from fusionlog.workers.canary.base import KnownLinesTable
from fusionlog.workers.canary.worker import CanaryWorker

ROLE: Role = "canary"


class CanaryWork:
    """The parts of the canary: producer, the lines of the base release, and the anomalies that come out."""

    def __init__(self, config: Settings) -> None:
        self.health = Health(ROLE)
        self._producer, self._trials = Producer(config, ROLE), TrialProcess()
        self._known = KnownLinesTable(config, self._trials.check, log_refused)
        self._canary = CanaryWorker(config, self._producer, self._known)
        self._arrivals = arrivals_table(config, self._canary.arrived)
        self.health.details["canary"] = self._canary.report
        self.health.degradations.append(lambda: self._canary.problem)

    async def prepare(self) -> None:
        """Connect, and read the base releases and the canary's last anomalies."""
        await self._producer.start()
        await self._known.start()
        await self._arrivals.start()
        self.health.assigned(0)

    @property
    def background(self) -> Sequence[asyncio.Task[None]]:
        """The tasks of the tables."""
        return (*self._known.background, *self._arrivals.background)

    async def read(self) -> None:
        """Send and check until cancelled."""
        await self._canary.run()

    async def finish(self) -> None:
        """Disconnect."""
        await self._known.stop()
        await self._arrivals.stop()
        await self._producer.stop()
        self._trials.close()


def build(config: Settings) -> ReaderApp:
    """The app; nothing is connected before it starts.

    :raises SettingError: the canary is off, or there is nothing that has one verdict on it each time.
    """
    if not config.canary.seconds:
        raise SettingError(
            "FUSIONLOG_CANARY__SECONDS", config.canary.seconds,
            "set the seconds between two known anomalies, as 60, for this worker, for the ingest workers and for "
            "fusionlog topics create",
        )  # fmt: skip
    if not config.rules(CANARY).model and config.label.url is None:
        raise SettingError(
            "FUSIONLOG_CANARY__SECONDS", config.canary.seconds,
            "no system has a method with a small model, and FUSIONLOG_LABEL__URL names no LLM: the offline teacher "
            "takes an anomaly that comes each minute for routine; set it to 0",
        )  # fmt: skip
    work = CanaryWork(config)
    app = ReaderApp(ROLE, config, work)
    app.attend(work.read, work.finish)
    return app


__getattr__ = of_environment(build)
