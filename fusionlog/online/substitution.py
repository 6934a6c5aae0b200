"""Out-of-vocabulary substitution: the trained event of a release in place of one that it was not trained on.

A model does not generalise to vectors far from its training set. So the model input of an event outside its
vocabulary is its nearest neighbour among the trained events: those of the same verdict where a teacher labelled it (or
one that it is similar enough to), else those of the same system. Without a neighbour it keeps its own vector.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fusionlog.decision import is_anomalous
from fusionlog.embedding.encoder import EventText, VectorCache
from fusionlog.records import BankEvent, ModelRelease
from fusionlog.routing.bank import Bank, nearest
from fusionlog.routing.router import ROUTED_TEMPLATES
from fusionlog.types import IntArray

ITSELF = -1
"""The row of an event that keeps its own vector."""

Reference = Callable[[EventText], BankEvent | None]
"""The labelled event that an event is, or is similar enough to; None where there is none."""


class Substitution:
    """The substitutes of one release, cached by template until the next label."""

    def __init__(self, release: ModelRelease, bank: Bank) -> None:
        self.release, self.bank = release, bank
        systems = np.array([event.system for event in bank.events])
        self._own = np.flatnonzero(systems == release.system)
        self._rows: dict[str, int] = {}

    def forget(self) -> None:
        """Drop the cache after a new label."""
        self._rows.clear()

    def row(self, event: EventText, reference: Reference, vectors: VectorCache) -> int:
        """The bank's row that substitutes an event; `ITSELF` where none does."""
        row = self._rows.get(event.template)
        if row is None:
            if len(self._rows) >= ROUTED_TEMPLATES:
                self._rows.clear()
            row = self._rows[event.template] = self._choose(event, reference(event), vectors)
        return row

    def _choose(self, event: EventText, labelled: BankEvent | None, vectors: VectorCache) -> int:
        if labelled is None:
            return self._nearest(event, self._own, vectors)
        if (labelled.system, labelled.template) in self.bank.rows:
            return ITSELF
        of_verdict = np.flatnonzero(is_anomalous(self.bank.probabilities) == is_anomalous(labelled.probability))
        return self._nearest(event, of_verdict, vectors)

    def _nearest(self, event: EventText, rows: IntArray, vectors: VectorCache) -> int:
        place = int(nearest(vectors.vectors([event]), self.bank.vectors[rows])[1][0])
        return int(rows[place]) if place >= 0 else ITSELF
