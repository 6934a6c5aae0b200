"""The knowledge of one system: its present releases, its teacher's labels, and the router over both.

A facade over its parts: it holds the lock and acts on what they return. A part imports no other part and no lock.

| part | holds | changes |
|---|---|---|
| `ReleasesInUse` | the last releases, each with its `Substitution` | by `adopt` |
| `TeacherMemory` | labels by shape, labelled events, labelled windows; none of the offline teacher | by `learn` |
| `OperatorVerdicts` | operators' verdicts, which outrank both | by its own `put` and `remove` |
| `Router` | the bank of the release in use, grown by labelled events | by both |
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import RLock

import numpy as np
from msgspec.structs import replace

from fusionlog.detector.sequence import cache_key, order_of
from fusionlog.embedding.encoder import EventText, NamedEncode, VectorCache
from fusionlog.novelty.similarity import EventBag
from fusionlog.online.contradictions import Contradiction
from fusionlog.online.description import Description
from fusionlog.online.label_aggregation import aggregate, event_labels
from fusionlog.online.operator_verdicts import OperatorVerdicts
from fusionlog.online.releases_in_use import ReleasesInUse, verified_bank
from fusionlog.online.substitution import Substitution
from fusionlog.online.teacher_memory import KEPT_LABELS, Learned, TeacherMemory
from fusionlog.records import BankEvent, EventLabel, ModelRelease, PseudoLabel, Route, Window
from fusionlog.releases import BASE
from fusionlog.routing.bank import UNKNOWN, Bank
from fusionlog.routing.router import Router
from fusionlog.routing.threshold import DEFAULT_TAU
from fusionlog.rules import DEFAULT_METHOD, RULES, Rules
from fusionlog.signing.signatures import Signatures
from fusionlog.teachers.base import OFFLINE
from fusionlog.types import FloatArray
from fusionlog.utils.bounded_cache import BoundedCache

ASKED_AGAIN = 1.0
"""The acquisition score of a window that the router calls general and that is to be asked about again."""


class Knowledge:
    """Releases, labels and routes of one system. Its methods may be called from any thread.

    :param encode: the encoder of this process; a release of another one is refused.
    :param signatures: verifies releases, where it has public keys; None to trust what the topic holds.
    :param check: called with a verified release before it is taken into use; what it raises refuses the release.
    :param rules: those of the system's method.
    """

    def __init__(
        self,
        system: str,
        encode: NamedEncode,
        signatures: Signatures | None = None,
        check: Callable[[ModelRelease], None] | None = None,
        rules: Rules = RULES[DEFAULT_METHOD],
    ) -> None:
        def usable(release: ModelRelease) -> Bank:
            bank = verified_bank(release, signatures, encode)
            if check is not None:
                check(release)
            return bank

        self.system, self.rules = system, rules
        self._vectors = VectorCache(encode)
        self._releases, self._memory = ReleasesInUse(system, usable, rules.adapts), TeacherMemory()
        self._offline: BoundedCache[str, PseudoLabel] = BoundedCache(KEPT_LABELS)
        self.operators = OperatorVerdicts()
        """Operators' verdicts: `label_of` a window, and the mute of an anomaly."""
        self._router: Router | None = None
        self._stale = False
        """Whether the router has to be built again: an event lost its verdict, or has one again."""
        self._lock = RLock()
        self.changes = 0
        """Counted up when `describe` may have another answer for a window than before."""

    @property
    def ready(self) -> bool:
        """Whether a release was adopted."""
        return self._router is not None

    @property
    def queries_teacher(self) -> bool:
        """Whether the teacher labels windows of this system now."""
        with self._lock:
            return self.rules.queries_teacher(self._releases.own)

    @property
    def version(self) -> str | None:
        """The version of the release in use."""
        return self._releases.version

    @property
    def versions(self) -> list[str]:
        """The versions that windows can be scored under, the one in use first."""
        return self._releases.versions

    @property
    def version_in_use(self) -> str:
        """The version of the release in use.

        :raises ModelError: no release was adopted yet.
        """
        return self._releases.in_use()

    @property
    def labelled(self) -> int:
        """The number of window shapes that the teacher labelled."""
        return self._memory.windows

    def versions_of(self, windows: Sequence[Window]) -> list[str]:
        """The versions that windows are scored under: the one that routed each, else the one in use.

        :raises ModelError: no release was adopted yet.
        """
        with self._lock:
            return [self._releases.version_of(window) for window in windows]

    @property
    def kept(self) -> list[ModelRelease]:
        """The releases that windows can be scored under, the one in use first."""
        with self._lock:
            return [each.release for each in self._releases.all]

    def release(self, version: str) -> ModelRelease:
        """An adopted release.

        :raises ModelError: it is not, or no longer, one of `versions`.
        """
        return self._releases.of(version).release

    def adopt(self, release: ModelRelease) -> bool:
        """Take a release into use if it ranks above the one in use (see `ReleasesInUse.adopt`).

        :return: whether the release in use is now this one.
        :raises ModelError: it does not verify, or names another encoder.
        """
        with self._lock:
            adopted = self._releases.adopt(release)
            if adopted is None:
                return False
            self._route_over(adopted)
            self._changed()
            return True

    def withdraw(self, version: str) -> None:
        """Score and route no window under a release any more: the one before it takes its place, where one is kept."""
        with self._lock:
            self._releases.withdraw(version)
            current = self._releases.current
            if current is None:
                self._router = None
            else:
                self._route_over(current)
            self._changed()

    def learn(self, label: PseudoLabel) -> bool:
        """Keep a teacher's label; its events enter the bank until a release that was trained on them is adopted.

        Under a method that does not adapt the label counts for its shape alone. One of the offline teacher settles
        nothing (see `offline_label_of`): its next verdict on the shape may be another one, and a route must not depend
        on when a label comes.

        :return: whether anything was new.
        """
        if label.system != self.system or not self.rules.teacher:
            return False
        with self._lock:
            if label.teacher == OFFLINE:
                self._offline.put(label.shape, label)
                return self._learned(self._memory.forget(label.shape))
            self._offline.pop(label.shape)
            return self._learned(self._memory.learn(label, events=self.rules.adapts))

    def forget(self, shape: str) -> bool:
        """Drop the label of a window shape, or its revocation.

        :return: whether there was one.
        """
        with self._lock:
            self._offline.pop(shape)
            return self._learned(self._memory.forget(shape))

    def asked_since(self, window: Window) -> float | None:
        """The time since which a window is to be asked about again; None where it is not.

        Its label was revoked, or later answers contradict the verdict on one of its events (see `event_answers`). One
        with an operator's label is not.
        """
        if self.operators.label_of(window) is not None:
            return None
        with self._lock:
            return self._memory.asked_since(window)

    def contradictions(self, label: PseudoLabel, window: Window) -> list[Contradiction]:
        """The verdicts on events that an answer on a window contradicts."""
        with self._lock:
            return self._memory.contradictions(label, window) if self.rules.adapts else []

    def label_of(self, shape: str) -> PseudoLabel | None:
        """The teacher's label of exactly this window shape; None where it has none, or had it long ago."""
        with self._lock:
            return self._memory.label_of(shape)

    def offline_label_of(self, shape: str) -> PseudoLabel | None:
        """The offline teacher's last label of a window shape that no other teacher has labelled."""
        with self._lock:
            return self._offline.get(shape)

    def labels_for(self, windows: Sequence[Window], version: str | None = None) -> list[PseudoLabel | None]:
        """The label that stands for each window in place of a model's score; None where the model has the verdict.

        An operator's comes first, under every method. The teacher's own label where it labelled the shape. While there
        is only the base model, which was never trained on this system, it is also the aggregate of the window's event
        labels, where each event has one of this system. Under a method that does not adapt there is none.

        :param version: the release that would score the windows; default: each window's own.
        :raises ModelError: no release was adopted yet, or that one is not kept.
        """
        found = [self.operators.label_of(window) for window in windows]
        if not self.rules.adapts:
            return found
        with self._lock:
            return [
                label or self._label_for(window, version or self._releases.version_of(window))
                for label, window in zip(found, windows, strict=True)
            ]

    def event_labels(self, window: Window) -> list[EventLabel] | None:
        """The teacher's labels of a window's events; None where one of them has none."""
        with self._lock:
            found = [self._memory.event(event.template) for event in window.events]
        labelled = [event for event in found if event is not None]
        return event_labels(window, labelled) if len(labelled) == len(found) else None

    def vectors(self, events: Sequence[EventText]) -> FloatArray:
        """The events' own vectors, `[events, dim]`."""
        with self._lock:
            return self._vectors.vectors(events)

    def route(self, window: Window) -> Window:
        """The window with its route. Without a release every window is proprietary.

        The method may overrule where it goes; its similarity is the router's all the same. A general window that is to
        be asked about again is referred to the teacher, whose verdict comes first.
        """
        with self._lock:
            router = self._built_router()
            if router is None:
                route = Route(kind="proprietary", similarity=UNKNOWN, threshold=DEFAULT_TAU)
            else:
                route = router.route(window)
            kind = self.rules.kind(route.kind, self._releases.own)
            if kind == "general" and self.queries_teacher and self._memory.asked_since(window) is not None:
                return replace(window, route=replace(route, kind="proprietary", acquisition_score=ASKED_AGAIN))
            return replace(window, route=route if kind == route.kind else replace(route, kind=kind))

    def unknown_events(self, window: Window) -> set[str]:
        """The templates of a window whose cosine to the bank is below tau, and those that are asked about again."""
        with self._lock:
            router = self._built_router()
            if router is None:
                return self._memory.unlabelled(window.events)
            near = zip(window.events, router.neighbours(window.events), strict=True)
            unsettled = self._memory.open_events
            return {event.template for event, each in near
                    if each.similarity < router.tau or event.template in unsettled}  # fmt: skip

    def similarity(self, events: EventBag) -> float:
        """The similarity of a window's events to the nearest window that the teacher labelled, 0 to 1."""
        with self._lock:
            return self._memory.similarity(events)

    def nearest_labels(self, events: EventBag, number: int, least: float) -> list[tuple[PseudoLabel, float]]:
        """The teacher's labels of the `number` most similar windows, with their similarities of `least` or more."""
        with self._lock:
            return self._memory.nearest(events, number, least)

    def describe(self, windows: Sequence[Window], version: str) -> Description:
        """The description of windows under a release: the cache key of each, and the model inputs of any of them.

        :raises ModelError: the version is not one of `versions`.
        """
        with self._lock:
            used = self._releases.of(version)
            events = list({event.template: event for window in windows for event in window.events}.values())
            substitutes = {event.template: used.row(event, self._reference, self._vectors) for event in events}
            vectors = self._substituted_vectors(events, list(substitutes.values()), used.bank)
        rows = {event.template: row for row, event in enumerate(events)}
        detector = used.release.detector
        orders = [order for window in windows if (order := order_of(window, detector)) is not None]
        return Description(
            keys=[
                (cache_key(window, detector), tuple(sorted(
                    (event.template, row) for event in window.events if (row := substitutes[event.template]) >= 0
                )))
                for window in windows
            ],
            vectors=vectors,
            rows=[[rows[event.template] for event in window.events] for window in windows],
            counts=[[event.count for event in window.events] for window in windows],
            orders=orders or None,
        )  # fmt: skip

    def _label_for(self, window: Window, version: str) -> PseudoLabel | None:
        label = self._memory.label_of(window.shape)
        if label is not None or self._releases.of(version).release.system != BASE:
            return label
        found = [self._reference(event) for event in window.events]
        own = [event for event in found if event is not None and event.system == self.system]
        if self._memory.teacher is None or not own or len(own) < len(found):
            return None
        return aggregate(window, own, self._memory.teacher)

    def _route_over(self, adopted: Substitution) -> None:
        """Route over a release's bank, with the labelled events that are not in it, and without the open ones."""
        bank, release = adopted.bank, adopted.release
        self._vectors.remember(bank.events, bank.vectors)
        bank = bank.without(self.system, self._memory.open_events)
        labelled = [event for event in self._memory.events if (event.system, event.template) not in bank.rows]
        bank = bank.with_events(labelled, self._vectors.vectors(labelled))
        self._router, self._stale = Router(self.system, bank, release.tau, release.version, self._vectors), False

    def _built_router(self) -> Router | None:
        """The router over the present verdicts: after many changes at once it is built once, at its next use."""
        if self._stale and self._releases.current is not None:
            self._route_over(self._releases.current)
        return self._router

    def _learned(self, learned: Learned) -> bool:
        """Act on what a label changed; returns whether anything did."""
        self._stale |= learned.lost
        if self._stale and learned:
            self._changed()
        elif learned.events:
            self._grow(learned.events)
        return bool(learned)

    def _grow(self, events: Sequence[BankEvent]) -> None:
        if self._router is not None:
            self._router.grow(self._router.bank.with_events(events, self._vectors.vectors(events)))
            self._changed()

    def _changed(self) -> None:
        self.changes += 1
        for each in self._releases.all:
            each.forget()

    def _reference(self, event: EventText) -> BankEvent | None:
        """The labelled event of the same template, else the nearest one of the bank at tau or above."""
        labelled = self._memory.event(event.template)
        router = self._built_router()
        if labelled is not None or router is None:
            return labelled
        near = router.neighbours([event])[0]
        return router.bank.events[near.row] if near.similarity >= router.tau and near.row >= 0 else None

    def _substituted_vectors(self, events: Sequence[EventText], rows: Sequence[int], bank: Bank) -> FloatArray:
        """The vectors of events after out-of-vocabulary substitution, `[events, dim]`."""
        places = np.array(rows, dtype=np.int64)
        vectors, substituted = self._vectors.vectors(events), places >= 0
        vectors[substituted] = bank.vectors[places[substituted]]
        return vectors
