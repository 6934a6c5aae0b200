"""ALPHA's annotation: representatives of clusters are asked about, and the others inherit.

Clusters by similarity alone are too coarse to be believed: one whose representatives disagree is split, and its parts
are asked about in turn. What the budget has left goes to the shapes that are farthest from all that were judged. A
judged shape keeps its own verdict; the others inherit that of the majority of their cluster's judged shapes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from fusionlog.alpha.clusters import partition
from fusionlog.alpha.representatives import members, representatives
from fusionlog.decision import is_anomalous
from fusionlog.settings import AlphaSettings
from fusionlog.types import FloatArray, IntArray

FLOOR = 1 / 3
"""The least number of clusters as a share of the greatest that the budget pays for. Without it the silhouette chose
two on three systems of four: those of the greatest contrast, which is not that of sound and sick."""

Ask = Callable[[Sequence[int]], Awaitable[dict[int, float]]]
"""Asks about the windows at these places: the probability that each is anomalous; one that cannot be judged is absent,
and so are those that the budget does not pay for any more."""


@dataclass(frozen=True)
class Inherited:
    """The verdict that a window has from its cluster: the share of the judged members that have it, and one of them."""

    anomalous: bool
    share: float
    like: int


@dataclass
class Annotation:
    """Verdicts by place: the teacher's own, and those that were inherited; `clusters` are the last ones."""

    own: dict[int, float] = field(default_factory=dict)
    inherited: dict[int, Inherited] = field(default_factory=dict)
    clusters: list[IntArray] = field(default_factory=list)


class Annotator:
    """Annotates distinct windows of a system.

    :param vectors: `[n, dim]`. :param weights: how often each was seen `[n]`.
    :param units: windows that may be asked about.
    """

    def __init__(
        self, vectors: FloatArray, weights: FloatArray, units: int, settings: AlphaSettings, ask: Ask, seed: int = 0
    ) -> None:
        self._vectors, self._weights, self._settings, self._seed = vectors, weights, settings, seed
        self._left, self._ask_about = units, ask
        self._asked: set[int] = set()
        self._said = Annotation()

    async def annotate(self) -> Annotation:
        """Ask as far as the units go. A window whose cluster holds no judged one has no verdict then."""
        queue = self._split(np.arange(len(self._vectors)), FLOOR)
        while queue:
            chosen = representatives(self._vectors, queue, self._settings.central, self._settings.uncertain)
            await self._ask([place for places in chosen for place in places])
            mixed = [places for places in queue if self._mixed(places)]
            parts = {id(places): self._split(places) if self._left > 0 else [] for places in mixed}
            self._said.clusters += [places for places in queue if len(parts.get(id(places), [])) < 2]
            queue = [part for found in parts.values() if len(found) > 1 for part in found]
        await self._fill()
        self._propagate()
        return self._said

    def _split(self, places: IntArray, floor: float = 0.0) -> list[IntArray]:
        """The clusters among some windows: as many at most as their representatives can be asked about."""
        most = max(2, self._left // (self._settings.central + self._settings.uncertain))
        least = int(floor * min(most, len(places) - 1))
        labels = partition(self._vectors[places], least, most, self._seed)
        return [places[each] for each in members(labels)]

    def _mixed(self, places: IntArray) -> bool:
        verdicts = {is_anomalous(self._said.own[place]) for place in places.tolist() if place in self._said.own}
        return len(verdicts) > 1 and any(place not in self._asked for place in places.tolist())

    async def _ask(self, places: Sequence[int]) -> None:
        new = [place for place in places if place not in self._asked][: max(0, self._left)]
        if new:
            self._left -= len(new)
            self._asked.update(new)
            self._said.own.update(await self._ask_about(new))

    async def _fill(self) -> None:
        """Spend what is left on what is farthest from the judged windows, weighted by log(1 + frequency)."""
        known = sorted(self._asked)
        if not known or self._left <= 0:
            return
        near = np.array([np.linalg.norm(self._vectors[known] - each, axis=1).min() for each in self._vectors])
        value, chosen = np.log1p(self._weights), list[int]()
        near[known] = -1.0
        while len(chosen) < self._left and (near >= 0).any():
            best = int(np.argmax(np.where(near < 0, -1.0, near * value)))
            chosen.append(best)
            near = np.minimum(near, np.linalg.norm(self._vectors - self._vectors[best], axis=1))
            near[best] = -1.0
        await self._ask(chosen)

    def _propagate(self) -> None:
        """The majority's verdict for those without one of their own; anomalous where the judged ones are even."""
        own = self._said.own
        for places in self._said.clusters:
            judged = [place for place in places.tolist() if place in own]
            if not judged:
                continue
            share = float(np.mean([is_anomalous(own[place]) for place in judged]))
            alike = [place for place in judged if (is_anomalous(own[place])) == (is_anomalous(share))]
            for place in places.tolist():
                if place not in own:
                    near = np.linalg.norm(self._vectors[alike] - self._vectors[place], axis=1)
                    like = alike[int(near.argmin())]
                    self._said.inherited[place] = Inherited(is_anomalous(share), max(share, 1.0 - share), like)
