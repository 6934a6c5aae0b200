"""What is known of one system at this moment: the releases it runs on, and what a teacher has said since."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import RLock

import numpy as np
from msgspec.structs import replace
from pydantic import SecretStr

from fusionlog import releases
from fusionlog.composed import as_labels, composed
from fusionlog.detector.batch import Batch, Room, collate, gather
from fusionlog.detector.order import look_of, order_of
from fusionlog.embedding import EventText, NamedEncode, VectorCache
from fusionlog.errors import ModelError
from fusionlog.method import DEFAULT_METHOD, RULES, Rules
from fusionlog.novelty.similarity import BagIndex, bag_of_events
from fusionlog.parsing.memo import Memo
from fusionlog.records import BankEvent, EventLabel, ModelRelease, PseudoLabel, Route, Window
from fusionlog.routing import DEFAULT_TAU, UNKNOWN, Bank, Router
from fusionlog.taught import Taught
from fusionlog.types import FloatArray

KEPT_RELEASES = 3
"""A window in flight is scored under the release it was routed by, if that is one of the last three."""
KEPT_VERDICTS = 10_000
"""Teacher's verdicts kept by window shape, about 2 kB each."""

Content = tuple[str, tuple[tuple[str, int], ...]]
"""What a model looks at in a window: its shape (the hash of its lines, where order matters to the model), and the rows
of the bank that stand in for some of its templates."""


class Knowledge:
    """Releases, judged events and verdicts of one system. Its methods may be called from any thread.

    Judged events are kept for good: their number is bounded by what the teacher's budget lets it judge.

    :param encode: the encoder of this process; a release of another one is refused.
    :param key: the key that releases must be signed with, None to trust what the topic holds.
    :param check: called with a verified release before it is taken into use; what it raises refuses the release.
    :param rules: what the system's method does.
    """

    def __init__(
        self,
        system: str,
        encode: NamedEncode,
        key: SecretStr | None = None,
        check: Callable[[ModelRelease], None] | None = None,
        rules: Rules = RULES[DEFAULT_METHOD],
    ) -> None:
        self.system, self.rules = system, rules
        self._encode, self._key, self._check = encode, key, check
        self._vectors = VectorCache(encode)
        self._taught: dict[str, Taught] = {}
        self._judged: dict[str, tuple[float, BankEvent]] = {}
        self._verdicts: Memo[str, PseudoLabel] = Memo(KEPT_VERDICTS)
        self._teacher: str | None = None
        self.judged = BagIndex()
        self._router: Router | None = None
        self._lock = RLock()
        self.changes = 0
        """Counted up when what the model looks at in a window may have become another (see `content`)."""

    @property
    def ready(self) -> bool:
        """Whether a release was adopted."""
        return self._router is not None

    @property
    def asks(self) -> bool:
        """Whether the teacher is asked about this system now."""
        with self._lock:
            return self.rules.asks(self._own)

    @property
    def version(self) -> str | None:
        """The version of the release in use."""
        return self._router.model if self._router else None

    @property
    def versions(self) -> list[str]:
        """The versions that windows can be scored under, the one in use first."""
        return list(self._taught)

    @property
    def version_in_use(self) -> str:
        """The version of the release in use.

        :raises ModelError: no release was adopted yet.
        """
        if self.version is None:
            raise ModelError(f"system {self.system} has no model release yet: train the base model on labelled systems")
        return self.version

    def version_of(self, window: Window) -> str:
        """The version that a window is scored under: the one that routed it, else the one in use.

        :raises ModelError: no release was adopted yet.
        """
        routed = window.route.model if window.route else None
        return routed if routed in self._taught else self.version_in_use

    def release(self, version: str) -> ModelRelease:
        """An adopted release.

        :raises ModelError: it is not, or no longer, one of `versions`.
        """
        return self._of(version).release

    def adopt(self, release: ModelRelease) -> bool:
        """Take a release of this system, or of the base, into use if it ranks above the one in use.

        A release of the system ranks above one of the base, a newer one above an older one; under a method that does
        not learn there is only the base.

        :return: whether the release in use is now this one.
        :raises ModelError: it does not verify, or names another encoder.
        """
        with self._lock:
            ours = (self.system, releases.BASE) if self.rules.learns else (releases.BASE,)
            if release.system not in ours or release.version in self._taught:
                return False
            ranked = sorted([release, *(taught.release for taught in self._taught.values())], key=_rank, reverse=True)
            kept = [each.version for each in ranked[:KEPT_RELEASES]]
            if release.version not in kept:
                return False
            taught = self._verified(release)
            self._taught = {version: self._taught.get(version, taught) for version in kept}
            if kept[0] != release.version:
                return False
            self._use(taught)
            return True

    def learn(self, label: PseudoLabel) -> bool:
        """Remember a teacher's verdict; its events enter the bank until a release that was taught them is adopted.

        Under a method that does not learn the verdict counts for its shape alone; so does one that was inherited, for
        nobody looked at that shape or its events then.

        :return: whether anything was new.
        """
        if label.system != self.system or not self.rules.teacher:
            return False
        with self._lock:
            before = self._verdicts.get(label.shape)
            if before is None or _outranks(label, before):
                self._verdicts.put(label.shape, label)
            if not self.rules.learns:
                return before != label
            self._teacher = label.teacher
            if label.inherited_from is not None:
                return before != label
            self.judged.add(label.shape, bag_of_events(label.events))
            events = self._newly_judged(label)
            if events:
                self._grow(events)
            return bool(events) or before != label

    def verdict_of(self, shape: str) -> PseudoLabel | None:
        """What the teacher said of exactly this window shape, None where it was not asked (or long ago)."""
        with self._lock:
            return self._verdicts.get(shape)

    def verdicts_on(self, window: Window) -> list[EventLabel] | None:
        """What the teacher said of each of a window's events; None where it has not judged one of them."""
        with self._lock:
            said = [self._judged[event.template][1] for event in window.events if event.template in self._judged]
        return as_labels(window, said) if len(said) == len(window.events) else None

    def vectors(self, events: Sequence[EventText]) -> FloatArray:
        """The events' own vectors, `[events, dim]`."""
        with self._lock:
            return self._vectors.vectors(events)

    def word_on(self, window: Window) -> PseudoLabel | None:
        """What the teacher's word on a window is: on its shape, where it was asked.

        While there is only the base model, which was never taught this system, also what follows from the verdicts on
        the window's events where each has one: as anomalous as the worst of them. Where sources' events are among them
        the model speaks; so it does of everything that it is shown under a method that does not learn, or whose teacher
        judges a shape anew each time.

        :raises ModelError: no release was adopted yet.
        """
        if not self.rules.learns or self.rules.offline:
            return None
        with self._lock:
            said = self._verdicts.get(window.shape)
            if said is not None or self.release(self.version_of(window)).system != releases.BASE:
                return said
            found = [self._reference(event) for event in window.events]
            judged = [event for event in found if event is not None and event.system == self.system]
            if self._teacher is None or not judged or len(judged) < len(found):
                return None
            return composed(window, judged, self._teacher)

    def route(self, window: Window) -> Window:
        """The window with its route. Without a release every window is proprietary.

        The method may have another say where it goes; its similarity is the router's all the same. A teacher that costs
        nothing is asked about every shape that the release in use was not distilled from.
        """
        with self._lock:
            route = self._routed(window)
            kind = self.rules.kind(route.kind, self._own)
            if self.rules.offline and self.rules.model:
                kind = "general" if self._learned(window.shape) else "proprietary"
            return replace(window, route=route if kind == route.kind else replace(route, kind=kind))

    def strange(self, window: Window) -> set[str]:
        """The templates of a window that are near to nothing that is known: those that make it proprietary."""
        with self._lock:
            if self._router is None:
                return {event.template for event in window.events} - self._judged.keys()
            near = zip(window.events, self._router.near(window.events), strict=True)
            return {event.template for event, each in near if each.similarity < self._router.tau}

    def similarities(self, window: Window) -> list[float]:
        """The greatest cosine of each of a window's events to the bank.

        :raises ModelError: no release was adopted yet.
        """
        with self._lock:
            if self._router is None:
                raise ModelError(f"system {self.system} has no model release yet")
            return [near.similarity for near in self._router.near(window.events)]

    def resemblance(self, window: Window) -> float:
        """How much a window is like the nearest one that a teacher judged, 0 to 1."""
        with self._lock:
            return self.judged.nearest(bag_of_events(window.events))

    def content(self, window: Window, version: str) -> Content:
        """What the model of a release looks at in a window: windows of equal content get one verdict.

        :raises ModelError: the version is not one of `versions`.
        """
        with self._lock:
            rows = zip(window.events, self._rows(window.events, version), strict=True)
            look = look_of(window, self._of(version).release.detector)
            return look, tuple(sorted((event.template, row) for event, row in rows if row >= 0))

    def inputs(self, windows: Sequence[Window], version: str, room: Room | None = None) -> Batch:
        """The windows as a release's model is shown them.

        A judged event that the release was not taught, or one near to such, has the vector of the nearest trained event
        of the same verdict; one that nobody judged has that of the nearest trained event of its own system, where there
        is one, for a model knows nothing of vectors that it has never seen. The others have their own.

        :param room: where the batch may be laid out; default: memory of its own.
        :raises ModelError: the version is not one of `versions`.
        """
        with self._lock:
            events = list({event.template: event for window in windows for event in window.events}.values())
            rows, shown = {event.template: row for row, event in enumerate(events)}, self._shown(events, version)
            places = [[rows[event.template] for event in window.events] for window in windows]
            counts = [[event.count for event in window.events] for window in windows]
            detector = self._of(version).release.detector
            orders = [order for window in windows if (order := order_of(window, detector)) is not None]
            if not orders:
                return gather(shown, places, counts, room or Room())
            return collate(
                [
                    (shown[place], np.array(count, dtype=np.float32))
                    for place, count in zip(places, counts, strict=True)
                ],
                orders,
            )

    @property
    def _own(self) -> bool:
        """Whether the release in use is of this system."""
        return self.version is not None and self._of(self.version).release.system != releases.BASE

    def _learned(self, shape: str) -> bool:
        """Whether the release in use may have been distilled from what the teacher said of a shape."""
        said = self._verdicts.get(shape)
        return said is not None and self._own and said.labelled_at <= self.release(self.version or "").created

    def _routed(self, window: Window) -> Route:
        if self._router is None:
            return Route(kind="proprietary", similarity=UNKNOWN, threshold=DEFAULT_TAU)
        return self._router.route(window)

    def _verified(self, release: ModelRelease) -> Taught:
        releases.verify(release, self._key)
        if release.encoder != self._encode.name:
            raise ModelError(
                f"release {release.version} of system {release.system} was made with encoder {release.encoder}, this "
                f"process has {self._encode.name}: give both the same FUSIONLOG_ENCODER_MODEL"
            )
        bank = Bank.of(release)
        if bank.vectors.shape[1] != self._encode.dim:
            raise ModelError(
                f"release {release.version} of system {release.system} has vectors of {bank.vectors.shape[1]} numbers, "
                f"its encoder makes {self._encode.dim}: distil it again"
            )
        if self._check is not None:
            self._check(release)
        return Taught(release, bank)

    def _use(self, taught: Taught) -> None:
        """Route over a release's bank, with what was judged and is not in it."""
        bank, release = taught.bank, taught.release
        self._vectors.remember(bank.events, bank.vectors)
        judged = [event for _, event in self._judged.values() if (event.system, event.template) not in bank.rows]
        bank = bank.with_events(judged, self._vectors.vectors(judged))
        self._router = Router(self.system, bank, release.tau, release.version, self._vectors)
        self._forget_rows()

    def _grow(self, events: Sequence[BankEvent]) -> None:
        if self._router is not None:
            self._router.grow(self._router.bank.with_events(events, self._vectors.vectors(events)))
            self._forget_rows()

    def _forget_rows(self) -> None:
        self.changes += 1
        for taught in self._taught.values():
            taught.forget()

    def _newly_judged(self, label: PseudoLabel) -> list[BankEvent]:
        """Remember the events of a label that are not older than what is known of them; which ones changed."""
        changed = []
        for event in _events_of(label):
            at, known = self._judged.get(event.template, (label.labelled_at, None))
            if at > label.labelled_at:
                continue
            self._judged[event.template] = (label.labelled_at, event)
            if known is None or known.probability != event.probability:
                changed.append(event)
        return changed

    def _of(self, version: str) -> Taught:
        if version not in self._taught:
            raise ModelError(f"release {version} of system {self.system} is not kept (kept: {', '.join(self._taught)})")
        return self._taught[version]

    def _reference(self, event: EventText) -> BankEvent | None:
        """The verdict on an event: its own, else that of the bank's event which makes it general."""
        judged = self._judged.get(event.template)
        if judged is not None:
            return judged[1]
        if self._router is None:
            return None
        near = self._router.near([event])[0]
        return self._router.bank.events[near.row] if near.similarity >= self._router.tau and near.row >= 0 else None

    def _rows(self, events: Sequence[EventText], version: str) -> list[int]:
        taught = self._of(version)
        return [taught.row(event, self._reference, self._vectors) for event in events]

    def _shown(self, events: Sequence[EventText], version: str) -> FloatArray:
        """The vectors of events as a release's model is shown them, `[len(events), dim]`."""
        rows, bank = np.array(self._rows(events, version), dtype=np.int64), self._of(version).bank
        own, borrowed = self._vectors.vectors(events), rows >= 0
        own[borrowed] = bank.vectors[rows[borrowed]]
        return own


def _rank(release: ModelRelease) -> tuple[bool, float, str]:
    return release.system != releases.BASE, release.created, release.version


def _outranks(label: PseudoLabel, before: PseudoLabel) -> bool:
    """Whether a verdict takes the place of an earlier one: the newer does, but an inherited one never that of a
    teacher who was asked, and that one always."""
    if (label.inherited_from is None) != (before.inherited_from is None):
        return label.inherited_from is None
    return before.labelled_at <= label.labelled_at


def _events_of(label: PseudoLabel) -> list[BankEvent]:
    return [
        BankEvent(system=label.system, template=event.template, text=event.text, probability=event.probability)
        for event in label.events
    ]
