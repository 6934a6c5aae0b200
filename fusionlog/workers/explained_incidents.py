"""The incidents of anomalies, and which of them have an explanation, rebuilt from their topics at start.

An incident is explained once, by one of its anomalies, so that the calls of an hour are spent on distinct causes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fusionlog.incidents import Incidents
from fusionlog.kafka.table import Refused, Table
from fusionlog.kafka.table_dead_letters import log_refused
from fusionlog.records import Anomaly, Incident
from fusionlog.settings import Settings


class ExplainedIncidents:
    """The incidents on their topic.

    :ivar changed: called when an incident came or changed.
    """

    def __init__(self, settings: Settings, refused: Refused = log_refused) -> None:
        self._incidents = Incidents(settings=settings.incidents)
        self._explained: set[str] = set()
        self._table = Table(settings, settings.topics.incidents, self.on_record, refused)
        self.changed: Callable[[], None] = lambda: None

    async def start(self) -> None:
        """Read the topic's present records, then follow it.

        :raises BrokerError: Kafka does not answer, or the topic is missing.
        """
        await self._table.start()

    @property
    def background(self) -> tuple[asyncio.Task[None], ...]:
        """The task that follows the topic."""
        return self._table.background

    async def stop(self) -> None:
        """Stop following."""
        await self._table.stop()

    def of(self, anomaly: Anomaly) -> str | None:
        """The id of the incident that an anomaly is in, or is about to be counted in; None where there is none yet."""
        found = self._incidents.of(anomaly)
        return None if found is None else found.id

    def has_explained(self, anomaly: Anomaly) -> bool:
        """Whether the incident that counted an anomaly has an explanation."""
        found = self._incidents.counted_in(anomaly.id)
        return found is not None and self.is_explained(found.id)

    def is_explained(self, id: str) -> bool:
        """Whether an incident has an explanation."""
        return id in self._explained

    def add(self, id: str) -> None:
        """Note that an incident was explained, before its record comes back from the topic."""
        self._explained.add(id)

    def on_record(self, key: str, incident: Incident | None) -> None:
        """Take a record of the topic."""
        if incident is None:
            self._incidents.remove(key)
            self._explained.discard(key)
        else:
            self._incidents.put(incident)
            if incident.explanation is not None:
                self._explained.add(incident.id)
        self.changed()
