"""The router: general windows, similar to the knowledge bank, and proprietary ones."""

from __future__ import annotations

from collections.abc import Sequence

from fusionlog.embedding.encoder import EventText, VectorCache
from fusionlog.records import Route, Window
from fusionlog.routing.bank import UNKNOWN, Bank, Neighbour, nearest

ROUTED_TEMPLATES = 20_000
"""Templates whose nearest event is remembered; beyond it all of them are forgotten and found again."""


class Router:
    """Routes the windows of one system over a bank that grows. A window of cached templates costs look-ups alone.

    S(window) = min over its events of the max cosine to the bank; general when S >= tau (FusionLog, arXiv 2511.05878).
    An event of the system that is in the bank by its template is at 1, whatever its vector.

    :param model: the version of the release whose bank it is.
    """

    def __init__(self, system: str, bank: Bank, tau: float, model: str, vectors: VectorCache) -> None:
        self.bank, self.tau, self.model = bank, tau, model
        self._system, self._vectors = system, vectors
        self._near: dict[str, tuple[EventText, Neighbour]] = {}

    def route(self, window: Window) -> Route:
        """The route of a window; of a proprietary one with its event of least similarity."""
        near = self.neighbours(window.events)
        least = min(range(len(near)), key=lambda place: near[place].similarity, default=None)
        if least is None:
            return Route(kind="general", similarity=1.0, threshold=self.tau, model=self.model)
        similarity = near[least].similarity
        general = similarity >= self.tau
        return Route(
            kind="general" if general else "proprietary", similarity=similarity, threshold=self.tau,
            least_similar_event=None if general else window.events[least].text, model=self.model,
        )  # fmt: skip

    def neighbours(self, events: Sequence[EventText]) -> list[Neighbour]:
        """The bank's nearest event of each of these events."""
        missing = {event.template: event for event in events if event.template not in self._near}
        if missing:
            if len(self._near) + len(missing) > ROUTED_TEMPLATES:
                self._near.clear()
                missing = {event.template: event for event in events}
            self._compare(list(missing.values()), 0)
        return [self._near[event.template][1] for event in events]

    def grow(self, bank: Bank) -> None:
        """Replace the bank by one whose first rows are the same: only its new rows are compared."""
        first, self.bank = len(self.bank), bank
        if len(bank) > first:
            self._compare([event for event, _ in self._near.values()], first)

    def _compare(self, events: Sequence[EventText], first: int) -> None:
        """Update the nearest neighbours by the bank's rows from `first` on."""
        if not events:
            return
        similarities, rows = nearest(self._vectors.vectors(events), self.bank.vectors[first:])
        for event, similarity, row in zip(events, similarities.tolist(), rows.tolist(), strict=True):
            before = self._near.get(event.template, (event, Neighbour(UNKNOWN, -1)))[1]
            exact = self.bank.rows.get((self._system, event.template))
            if exact is not None:
                before = Neighbour(1.0, exact)
            elif row >= 0 and (before.row < 0 or similarity > before.similarity):
                before = Neighbour(round(similarity, 5), row + first)
            self._near[event.template] = (event, before)
