"""Which windows resemble what is known: the knowledge bank, the router over it, and its threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from fusionlog import releases
from fusionlog.decision import is_anomalous
from fusionlog.embedding import EventText, VectorCache
from fusionlog.records import BankEvent, ModelRelease, Route, Window
from fusionlog.types import BoolArray, FloatArray, IntArray

UNKNOWN = -1.0
"""The similarity of what has no vector (a template of placeholders alone), and of everything to an empty bank."""
BLOCK = 1024
"""Rows compared at a time: 1,024 against 10,000 make 40 MB of similarities."""
ROUTED_TEMPLATES = 20_000
"""Templates whose nearest event is remembered; beyond it all of them are forgotten and found again."""

DEFAULT_TAU = 0.9
"""Where the sources say too little. With MiniLM, events nearer than this had one verdict on every system measured."""
TAUS = (0.95, 0.9, 0.85, 0.8, 0.75, 0.7)
"""The thresholds to choose from. Below the last one neighbours are no longer the same kind of event."""
DISAGREEMENT = 0.05
"""The share of neighbours above a threshold that may have another verdict, rounded up to whole events: sources have
tens of events, not thousands, and their verdicts come from sessions, so that a single odd one proves nothing."""
LEAST_EVENTS = 20
LEAST_OF_A_VERDICT = 3
"""A source with fewer events, or fewer of one verdict, says nothing: with one verdict all neighbours agree."""


class Near(NamedTuple):
    """The bank's row that is nearest to an event, -1 where there is none, and its cosine."""

    similarity: float
    row: int


def nearest(vectors: FloatArray, known: FloatArray) -> tuple[FloatArray, IntArray]:
    """The greatest cosine of each vector to the known ones, and which one that is.

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
    """The events known so far, `m` of them: what a release was taught, then what a teacher has judged since.

    `vectors` is `[m, dim]` float32; `trained` `[m]` tells the release's events from those that it was never taught. A
    bank does not change: it grows into another one whose first rows are its own.
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
        """How likely each event is anomalous by itself, `[m]`."""
        return np.array([event.probability for event in self.events], dtype=np.float32)

    @cached_property
    def rows(self) -> dict[tuple[str, str], int]:
        """The row of an event, by its system and its template's id."""
        return {(event.system, event.template): row for row, event in enumerate(self.events)}

    def nearest(self, vectors: FloatArray) -> tuple[FloatArray, IntArray]:
        """The greatest cosine of each vector to the bank `[n]`, and the row it is reached at `[n]`."""
        return nearest(vectors, self.vectors)

    def with_events(self, events: Sequence[BankEvent], vectors: FloatArray) -> Bank:
        """The bank with judged events. A trained one stays as it was taught, an untrained one takes the newer verdict.

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


class Router:
    """Routes the windows of one system over a bank that grows. A window of seen templates costs look-ups alone.

    S(window) = min over its events of the max cosine to the bank; general when S >= tau (FusionLog, arXiv 2511.05878).
    An event of the system that is in the bank by its template is at 1, whatever its vector.

    :param model: the version of the release whose bank it is.
    """

    def __init__(self, system: str, bank: Bank, tau: float, model: str, vectors: VectorCache) -> None:
        self.bank, self.tau, self.model = bank, tau, model
        self._system, self._vectors = system, vectors
        self._near: dict[str, tuple[EventText, Near]] = {}

    def route(self, window: Window) -> Route:
        """Where a window goes, and which of its events is the least known where it is proprietary."""
        near = self.near(window.events)
        least = min(range(len(near)), key=lambda place: near[place].similarity, default=None)
        if least is None:
            return Route(kind="general", similarity=1.0, threshold=self.tau, model=self.model)
        similarity = near[least].similarity
        general = similarity >= self.tau
        return Route(
            kind="general" if general else "proprietary", similarity=similarity, threshold=self.tau,
            foreign=None if general else window.events[least].text, model=self.model,
        )  # fmt: skip

    def near(self, events: Sequence[EventText]) -> list[Near]:
        """The bank's event that is nearest to each of these."""
        missing = {event.template: event for event in events if event.template not in self._near}
        if missing:
            if len(self._near) + len(missing) > ROUTED_TEMPLATES:
                self._near.clear()
                missing = {event.template: event for event in events}
            self._compare(list(missing.values()), 0)
        return [self._near[event.template][1] for event in events]

    def grow(self, bank: Bank) -> None:
        """Go on with a bank whose first rows are those of the present one: only its new rows are compared."""
        first, self.bank = len(self.bank), bank
        if len(bank) > first:
            self._compare([event for event, _ in self._near.values()], first)

    def _compare(self, events: Sequence[EventText], first: int) -> None:
        """Find the nearest events among the bank's rows from `first` on, and keep what is nearer than before."""
        if not events:
            return
        similarities, rows = nearest(self._vectors.vectors(events), self.bank.vectors[first:])
        for event, similarity, row in zip(events, similarities.tolist(), rows.tolist(), strict=True):
            before = self._near.get(event.template, (event, Near(UNKNOWN, -1)))[1]
            exact = self.bank.rows.get((self._system, event.template))
            if exact is not None:
                before = Near(1.0, exact)
            elif row >= 0 and (before.row < 0 or similarity > before.similarity):
                before = Near(round(similarity, 5), row + first)
            self._near[event.template] = (event, before)


def choose_tau(vectors: FloatArray, probabilities: FloatArray, systems: Sequence[str]) -> float:
    """The routing threshold that the labelled sources allow, without a label of the target.

    For each source: the smallest of `TAUS` above which an event and its nearest neighbour in that source agree on the
    verdict in 95 %, going down from the greatest. The greatest of the sources' thresholds is taken, for a neighbour
    must be trusted on a system like any of them; `DEFAULT_TAU` where no source has enough events of both verdicts.

    :param vectors: the sources' events `[n, dim]`, unit vectors.
    :param probabilities: how likely each is anomalous `[n]`; .5 and more is the verdict anomalous.
    :param systems: the source of each event.
    """
    names = np.array(systems)
    verdicts = is_anomalous(probabilities)
    found = [_tau_of(vectors[names == name], verdicts[names == name]) for name in sorted(set(systems))]
    return max((tau for tau in found if tau is not None), default=DEFAULT_TAU)


def _tau_of(vectors: FloatArray, verdicts: BoolArray) -> float | None:
    """The threshold of one source, None where it says too little."""
    anomalous = int(verdicts.sum())
    if len(verdicts) < LEAST_EVENTS or min(anomalous, len(verdicts) - anomalous) < LEAST_OF_A_VERDICT:
        return None
    similarity, neighbour = _neighbours(vectors)
    agrees = verdicts == verdicts[neighbour]
    chosen = TAUS[0]
    for tau in TAUS:
        above = similarity >= tau
        if (~agrees[above]).sum() > np.ceil(DISAGREEMENT * above.sum()):
            break
        chosen = tau
    return chosen


def _neighbours(vectors: FloatArray) -> tuple[FloatArray, IntArray]:
    """The greatest cosine of each vector `[n, dim]` to another one `[n]`, and which one that is `[n]`."""
    similarity, rows = np.empty(len(vectors), dtype=np.float32), np.empty(len(vectors), dtype=np.int64)
    for start in range(0, len(vectors), BLOCK):
        cosines = vectors[start : start + BLOCK] @ vectors.T
        own = np.arange(len(cosines))
        cosines[own, start + own] = -np.inf
        rows[start : start + BLOCK] = cosines.argmax(axis=1)
        similarity[start : start + BLOCK] = cosines.max(axis=1)
    return similarity, rows
