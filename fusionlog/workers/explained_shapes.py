"""The set of window shapes that have an explanation, rebuilt from the `explanations` topic at start.

A restart, and another worker, explain nothing twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fusionlog.explanation.priority_pool import Key
from fusionlog.kafka.table import Refused, Table
from fusionlog.kafka.table_dead_letters import log_refused
from fusionlog.records import Explanation
from fusionlog.settings import Settings
from fusionlog.utils.bounded_cache import BoundedCache

KEPT_SHAPES = 200_000
"""Shapes that are kept, 0.2 kB each, or twice as many; one that no anomaly had for longest may be explained again."""


class ExplainedShapes:
    """The shapes with an explanation, of this worker and of others.

    :param of_incident: called with the id of each incident that has one.
    """

    def __init__(
        self, settings: Settings, refused: Refused = log_refused, of_incident: Callable[[str], None] = lambda id: None
    ) -> None:
        self._of_incident = of_incident
        self._shapes: BoundedCache[Key, bool] = BoundedCache(KEPT_SHAPES)
        self._table = Table(settings, settings.topics.explanations, self._on_record, refused)

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

    def __contains__(self, key: Key) -> bool:
        return self._shapes.get(key) is not None

    def add(self, key: Key) -> None:
        """Add a shape before its record comes back from the topic."""
        self._shapes.put(key, True)

    def _on_record(self, key: str, explanation: Explanation | None) -> None:
        if explanation is None:
            system, _, shape = key.rpartition("/")
            self._shapes.pop((system, shape))
        else:
            self._shapes.put((explanation.system, explanation.shape), True)
            if explanation.incident is not None:
                self._of_incident(explanation.incident)
