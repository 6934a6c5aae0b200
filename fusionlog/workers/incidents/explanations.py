"""The explanations on their topic, for the incidents that they belong to."""

from __future__ import annotations

import asyncio
from collections import deque

from fusionlog.kafka.table import Refused, Table
from fusionlog.kafka.table_dead_letters import log_refused
from fusionlog.records import Explanation, Incident
from fusionlog.settings import Settings
from fusionlog.utils.bounded_cache import BoundedCache

KEPT = 5_000
"""Explanations that are kept, about 2 kB each, or twice as many."""


class Explanations:
    """The explanations by window shape, and those that came since they were last taken."""

    def __init__(self, settings: Settings, refused: Refused = log_refused) -> None:
        self._by_shape: BoundedCache[tuple[str, str], Explanation] = BoundedCache(KEPT)
        self._new: deque[Explanation] = deque(maxlen=KEPT)
        self._table = Table(settings, settings.topics.explanations, self.on_record, refused)

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

    def on_record(self, key: str, explanation: Explanation | None) -> None:
        """Take a record of the topic; a tombstone takes none from an incident."""
        if explanation is None:
            system, _, shape = key.rpartition("/")
            self._by_shape.pop((system, shape))
        else:
            self._by_shape.put((explanation.system, explanation.shape), explanation)
            self._new.append(explanation)

    def take(self) -> list[Explanation]:
        """The explanations that came since the last call."""
        found, self._new = list(self._new), deque(maxlen=KEPT)
        return found

    def of(self, incident: Incident) -> Explanation | None:
        """The explanation of the window shape that stands for an incident; None where it has none."""
        return next(
            (found for system in incident.systems if (found := self._by_shape.get((system, incident.shape)))), None
        )
