"""The knowledge bank: known events as unit vectors with their probability of an anomaly."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from fusionlog import releases
from fusionlog.records import BankEvent, ModelRelease
from fusionlog.routing.threshold import BLOCK
from fusionlog.types import BoolArray, FloatArray, IntArray

UNKNOWN = -1.0
"""The similarity of what has no vector (a template of placeholders alone), and of everything to an empty bank."""


class Neighbour(NamedTuple):
    """The bank's row that is nearest to an event, -1 where there is none, and its cosine."""

    similarity: float
    row: int


def nearest(vectors: FloatArray, known: FloatArray) -> tuple[FloatArray, IntArray]:
    """The greatest cosine of each vector to the known ones, and the row of that one.

    :param vectors: unit or zero vectors `[n, dim]`.
    :param known: unit or zero vectors `[m, dim]`.
    :return: cosines `[n]`, rounded to five digits so that a vector is at 1 from itself, and rows `[n]`; -1 and -1 for a
        zero vector, and for all where nothing is known.
    """
    similarity = np.full(len(vectors), UNKNOWN, dtype=np.float32)
    rows = np.full(len(vectors), -1, dtype=np.int64)
    filled = np.flatnonzero(known.any(axis=1)) if len(known) else np.empty(0, dtype=np.int64)
    if not len(filled):
        return similarity, rows
    for start in range(0, len(vectors), BLOCK):
        block = vectors[start : start + BLOCK]
        cosines = block @ known[filled].T
        best = cosines.argmax(axis=1)
        here = block.any(axis=1)
        rows[start : start + BLOCK] = np.where(here, filled[best], -1)
        similarity[start : start + BLOCK] = np.where(here, cosines.max(axis=1).round(5).clip(-1, 1), UNKNOWN)
    return similarity, rows


@dataclass(frozen=True, eq=False)
class Bank:
    """The `m` events known so far: those that a release was trained on, then those that a teacher labelled since.

    `vectors` is `[m, dim]` float32; `trained` `[m]` marks the events that the release was trained on. A bank is
    immutable: it grows into another one whose first rows are its own.
    """

    events: tuple[BankEvent, ...]
    vectors: FloatArray
    trained: BoolArray

    @classmethod
    def of(cls, release: ModelRelease) -> Bank:
        """The bank that a release carries.

        :raises ModelError: its vectors cannot be read.
        """
        vectors = releases.bank_vectors(release)
        return cls(tuple(release.bank), vectors, np.ones(len(vectors), dtype=np.bool_))

    def __len__(self) -> int:
        return len(self.events)

    @cached_property
    def probabilities(self) -> FloatArray:
        """The probability that each event is anomalous by itself, `[m]`."""
        return np.array([event.probability for event in self.events], dtype=np.float32)

    @cached_property
    def rows(self) -> dict[tuple[str, str], int]:
        """The row of an event, by its system and its template's id."""
        return {(event.system, event.template): row for row, event in enumerate(self.events)}

    def nearest(self, vectors: FloatArray) -> tuple[FloatArray, IntArray]:
        """The greatest cosine of each vector to the bank `[n]`, and the row it is reached at `[n]`."""
        return nearest(vectors, self.vectors)

    def without(self, system: str, templates: Collection[str]) -> Bank:
        """The bank without these events of a system."""
        kept = [row for row, event in enumerate(self.events)
                if event.system != system or event.template not in templates]  # fmt: skip
        if len(kept) == len(self):
            return self
        return Bank(tuple(self.events[row] for row in kept), self.vectors[kept], self.trained[kept])

    def with_events(self, events: Sequence[BankEvent], vectors: FloatArray) -> Bank:
        """The bank with labelled events added. A trained event keeps its verdict, an untrained one takes the newer.

        :param vectors: the events' vectors `[len(events), dim]`.
        """
        newest = {(event.system, event.template): place for place, event in enumerate(events)}
        changed, added = list(self.events), []
        for key, place in newest.items():
            row = self.rows.get(key)
            if row is None:
                added.append(place)
            elif not self.trained[row]:
                changed[row] = events[place]
        if not added:
            return replace(self, events=tuple(changed))
        grown = np.concatenate([self.vectors.reshape(-1, vectors.shape[1]), vectors[added]])
        trained = np.concatenate([self.trained, np.zeros(len(added), dtype=np.bool_)])
        return Bank((*changed, *(events[place] for place in added)), grown, trained)
