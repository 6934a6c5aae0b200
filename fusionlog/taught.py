"""What a model was taught, and which of it stands in for an event that it was not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fusionlog.decision import is_anomalous
from fusionlog.embedding import EventText, VectorCache
from fusionlog.records import BankEvent, ModelRelease
from fusionlog.routing import ROUTED_TEMPLATES, Bank, nearest
from fusionlog.types import IntArray


class Taught:
    """An adopted release, and which of its trained events stands in for one that it was never taught."""

    def __init__(self, release: ModelRelease, bank: Bank) -> None:
        self.release, self.bank = release, bank
        systems = np.array([event.system for event in bank.events])
        self._own = np.flatnonzero(systems == release.system)
        self._rows: dict[str, int] = {}

    def forget(self) -> None:
        """Choose anew: something was judged."""
        self._rows.clear()

    def row(self, event: EventText, reference: Callable[[EventText], BankEvent | None], vectors: VectorCache) -> int:
        """The row of the bank that stands in for an event, -1 where the event stands for itself.

        :param reference: the judged event that an event is, or is near enough to; None where there is none.
        """
        row = self._rows.get(event.template)
        if row is None:
            if len(self._rows) >= ROUTED_TEMPLATES:
                self._rows.clear()
            row = self._rows[event.template] = self._choose(event, reference(event), vectors)
        return row

    def _choose(self, event: EventText, judged: BankEvent | None, vectors: VectorCache) -> int:
        """The nearest trained event of the same verdict, for an event whose verdict was not taught; of any verdict, but
        of the same system, for one that has no verdict."""
        if judged is None:
            return self._nearest(event, self._own, vectors)
        if (judged.system, judged.template) in self.bank.rows:
            return -1
        alike = np.flatnonzero(is_anomalous(self.bank.probabilities) == is_anomalous(judged.probability))
        return self._nearest(event, alike, vectors)

    def _nearest(self, event: EventText, rows: IntArray, vectors: VectorCache) -> int:
        place = int(nearest(vectors.vectors([event]), self.bank.vectors[rows])[1][0])
        return int(rows[place]) if place >= 0 else -1
