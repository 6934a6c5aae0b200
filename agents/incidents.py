"""The incidents worker: anomalies to incidents. `fusionlog worker incidents`, or `faust -A agents.incidents worker`.

One worker has all partitions, for an incident may be of any of them; further ones stand by.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from agents.app import ReaderApp, of_environment
from fusionlog.kafka.group_consumer import GroupConsumer, Reading
from fusionlog.kafka.lag import LagMonitor
from fusionlog.kafka.producer import Producer
from fusionlog.kafka.table import read_all
from fusionlog.kafka.table_dead_letters import TableDeadLetters
from fusionlog.observability.health import Health
from fusionlog.records import Incident
from fusionlog.settings import Settings
from fusionlog.topics import Role
from fusionlog.workers.incidents.explanations import Explanations
from fusionlog.workers.incidents.worker import IncidentWorker

ROLE: Role = "incidents"
POLL_SECONDS = 0.5
MAX_RECORDS = 500


class IncidentWork:
    """The parts of an incidents worker: producer, explanations, reader, and the lag of its topic."""

    def __init__(self, config: Settings) -> None:
        self._settings, self.health = config, Health(ROLE)
        self._producer = Producer(config, ROLE)
        self._refused = TableDeadLetters(config, self._producer, ROLE)
        self._explanations = Explanations(config, self._refused)
        self._group = config.topics.group(ROLE)
        self._lag = LagMonitor(config, self._group, config.topics.anomalies)
        self._reader: GroupConsumer | None = None

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
        reading = Reading(
            topics=(self._settings.topics.anomalies.name,),
            max_records=MAX_RECORDS,
            poll_seconds=POLL_SECONDS,
            commit_seconds=self._settings.ingest.commit_seconds,
            single=True,
        )
        worker = IncidentWorker(self._settings, self._producer, self._explanations, self._known)
        self._reader = GroupConsumer(self._settings.kafka, self._group, reading, worker, self.health)
        await self._reader.start()
        await self._reader.run()

    async def leave(self) -> None:
        """Commit what Kafka has acknowledged; the next worker reads the rest."""
        if self._reader is not None:
            reader, self._reader = self._reader, None
            await reader.stop()

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
