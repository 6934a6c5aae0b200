"""The incidents worker: anomalies to incidents. `fusionlog worker incidents`, or `faust -A agents.incidents worker`.

One worker has all partitions, for an incident may be of any of them; further ones stand by.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from agents.app import ReaderApp, of_environment
from agents.reader_work import SingleWork
from fusionlog.kafka.table import read_all
from fusionlog.records import Incident
from fusionlog.settings import Settings
from fusionlog.topics import Role
from fusionlog.workers.incidents.explanations import Explanations
from fusionlog.workers.incidents.worker import IncidentWorker

ROLE: Role = "incidents"


class IncidentWork(SingleWork):
    """The parts of an incidents worker: producer, explanations, reader, and the lag of its topic."""

    def __init__(self, config: Settings) -> None:
        super().__init__(config, ROLE, config.topics.anomalies)
        self._explanations = Explanations(config, self._refused)

    async def prepare(self) -> None:
        """Connect, and read the explanations."""
        await self._producer.start()
        await self._explanations.start()
        self._lag.start()

    @property
    def background(self) -> Sequence[asyncio.Task[None]]:
        """The tasks of the table and of the lag."""
        return (*self._explanations.background, *self._lag.background)

    async def read(self) -> None:
        """Group anomalies until cancelled."""
        worker = IncidentWorker(self._settings, self._producer, self._explanations, self._known)
        await self.handled_by(worker)

    async def finish(self) -> None:
        """Disconnect."""
        await self.leave()
        await self._lag.stop()
        await self._explanations.stop()
        await self._producer.stop()

    async def _known(self) -> Iterable[Incident]:
        topic = self._settings.topics.incidents
        return [record for _, record in await read_all(self._settings, topic, refused=self._refused)]


def build(config: Settings) -> ReaderApp:
    """The app; nothing is connected before it starts."""
    work = IncidentWork(config)
    app = ReaderApp(ROLE, config, work)
    app.attend(work.read, work.leave)
    return app


__getattr__ = of_environment(build)
