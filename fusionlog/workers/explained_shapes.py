"""Which window shapes were explained: read back from their topic, so that once a shape survives a restart."""

from __future__ import annotations

import time
from collections.abc import Callable

from fusionlog.explanation.priority_pool import Key
from fusionlog.kafka.table import Table
from fusionlog.records import Explanation
from fusionlog.settings import Settings

Charge = Callable[[str, int, float], None]
"""Counts calls about a system that were made so many seconds ago."""


class ExplainedShapes:
    """The shapes with an explanation, of this worker and of others.

    :param charge: told what the explanations cost that stand in the topic at the start: the hour's calls are not begun
        anew by a restart.
    """

    def __init__(self, settings: Settings, charge: Charge) -> None:
        self._shapes: set[Key] = set()
        self._charge: Charge | None = charge
        self._table = Table(settings, settings.topics.explanations, self._on_record)

    async def start(self) -> None:
        """Read all that there is, then follow.

        :raises BrokerError: Kafka does not answer, or the topic is missing.
        """
        await self._table.start()
        self._charge = None

    async def stop(self) -> None:
        """Stop following."""
        await self._table.stop()

    def __contains__(self, key: Key) -> bool:
        return key in self._shapes

    def add(self, key: Key) -> None:
        """Know a shape before the topic tells of it."""
        self._shapes.add(key)

    def _on_record(self, key: str, explanation: Explanation | None) -> None:
        if explanation is None:
            system, _, shape = key.rpartition("/")
            self._shapes.discard((system, shape))
            return
        self._shapes.add((explanation.system, explanation.shape))
        if self._charge is not None:
            ago = max(0.0, time.time() - explanation.explained_at)
            self._charge(explanation.system, explanation.calls, ago)
