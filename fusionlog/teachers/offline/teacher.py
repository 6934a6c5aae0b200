"""The offline teacher: labels windows without a language model.

A window has four features: the surprisal of its least likely deviation from the profile of its system, the rarity of
its rarest event, the rarity of its events that report a failure, and the labels that transfer from the sources' events
(`label_transfer`). The probability of an anomaly is a logistic regression over them that was fitted on the sources
(`features`). Surprisal and rarity are counts of the windows so far, so each call computes its verdicts again. A window
shape that a system makes very often is routine: no anomaly, unless usual steps are missing after a failure in it.

Without a regression, or for units alone, the label of an event is the transferred one, and that of a window is its most
anomalous event's; an event of failure in half of a system's windows is routine.

`VerdictsInOrder` counts windows and takes their verdicts in the order of the windows.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Sequence

from fusionlog.decision import is_anomalous
from fusionlog.errors import TeacherError
from fusionlog.novelty.failure_lexicon import words
from fusionlog.novelty.features import corrected_surprisal, event_features
from fusionlog.novelty.frequencies import Frequencies
from fusionlog.novelty.profile import SystemProfile
from fusionlog.novelty.value_ranges import UnusualValue
from fusionlog.records import BankEvent, LogisticRegression, Window, WindowEvent
from fusionlog.teachers.base import MAX_REASON_CHARS, OFFLINE, EventVerdict, Unit, Verdict, clip
from fusionlog.teachers.offline.features import PRIOR, Features, probability
from fusionlog.teachers.offline.label_transfer import BY_POLARITY, LabelTransfer, TransferredLabel
from fusionlog.types import Encode, FloatArray

ROUTINE = 0.4
"""The greatest probability of a routine window; without a regression, the probability of a usual event of failure."""
COMMON = 0.05
"""The share of a system's windows from which on a shape is routine, and an event of failure so common that its rarity
does not show it to be one."""
LEAST_RISK_DIFFERENCE = 0.5
"""The least risk difference, of a missing usual step, at which a common event of failure counts as a failure."""
ROUTINE_REASON = "one of the windows that this system makes all the time"
STOPPED = 0.65
"""The least probability of a window with a common event of failure after which usual steps are missing. By design, and
not fitted on the sources: where a third of all sessions fail, their failures are not rare, and a regression that was
fitted on systems where few do would take them for routine. A failure after which no usual step is missing is none."""


class OfflineTeacher:
    """Labels windows, or units, by the windows that it counted of their system and by the sources' events.

    :param known: the sources' events with the probability that they indicate an anomaly.
    :param encode: texts to unit vectors.
    :param regression: the logistic regression over the features; None where none was fitted.
    :param vectors: those of the words of the known events, where they were computed before (`LabelTransfer`).
    """

    name = OFFLINE

    def __init__(
        self, known: Sequence[BankEvent], encode: Encode, regression: LogisticRegression | None = None,
        vectors: FloatArray | None = None,
    ) -> None:  # fmt: skip
        self._transfer, self.regression = LabelTransfer(known, encode, vectors), regression
        self._profiles: dict[str, SystemProfile] = defaultdict(SystemProfile)
        self._lent: dict[str, SystemProfile] = {}
        self._texts: dict[str, Frequencies] = defaultdict(Frequencies)
        self._shape_frequencies: dict[str, Frequencies] = defaultdict(Frequencies)
        self._turn = asyncio.Lock()

    def without_history(self) -> OfflineTeacher:
        """A teacher with the same label transfer and regression that has counted no window."""
        fresh = OfflineTeacher([], self._transfer.encode, self.regression)
        fresh._transfer = self._transfer
        return fresh

    async def label(self, units: Sequence[Unit]) -> list[Verdict | TeacherError]:
        """A verdict for each unit by its words, in their order; computed in a thread beside the event loop."""
        async with self._turn:
            return await asyncio.to_thread(self._label, units)

    def lend(self, system: str, profile: SystemProfile | None) -> None:
        """Use this profile of a system, which nothing is counted into, until more windows than it has were counted.

        :param profile: None to use none any more.
        """
        if profile is None:
            self._lent.pop(system, None)
        else:
            self._lent[system] = profile

    async def label_windows(self, windows: Sequence[Window], own: bool = False) -> list[Verdict | TeacherError]:
        """A verdict on each window, in their order, from the windows counted before; computed in a thread.

        :param own: these windows were counted themselves; each is left out of the counts for its own verdict.
        """
        async with self._turn:
            return await asyncio.to_thread(self._label_windows, windows, own)

    async def close(self) -> None:
        """Do nothing: the teacher has no connection."""

    def count(self, windows: Sequence[Window]) -> None:
        """Count windows in the profiles of their systems."""
        for window in windows:
            self._profiles[window.system].update(window)
            self._shape_frequencies[window.system].update((window.shape,))

    @property
    def systems(self) -> Collection[str]:
        """The systems whose windows were counted."""
        return self._shape_frequencies.keys()

    def counted(self, system: str) -> int:
        """The number of windows of a system in the profile in use."""
        return self.profile(system).windows

    def profile(self, system: str) -> SystemProfile:
        """The profile of a system in use: the lent one while that has more windows. To be read, and not kept."""
        own, lent = self._profiles[system], self._lent.get(system)
        return own if lent is None or own.windows >= lent.windows else lent

    def prepare(self, windows: Sequence[Window]) -> None:
        """Compute the transferred labels of the windows' events in one batch; later verdicts find them."""
        self._transfer.labels_of([words(event.example) for window in windows for event in window.events])

    def verdict(self, window: Window, own: bool = False) -> Verdict:
        """The verdict on a window from the windows counted before.

        :param own: the window was counted itself; it is left out of the counts.
        """
        labels = self._transferred(window)
        if self.regression is None:
            is_usual = self.profile(window.system).frequencies.is_usual
            usual = [is_usual(event.template) for event in window.events]
            return _of_events(range(1, 1 + len(labels)), _without_routine(window.system, labels, usual))
        return self._weighed(window, labels, self.regression, int(own))

    def features(self, windows: Sequence[Window]) -> list[Features]:
        """The features of each window, from the windows counted before."""
        return [self._window_features(window, self._transferred(window), 0) for window in windows]

    def features_and_probabilities(
        self, windows: Sequence[Window], own: bool = False
    ) -> tuple[list[Features], list[float]]:
        """The features of each window, and its probability of an anomaly.

        :param own: these windows were counted themselves; each is left out of the counts for its own verdict.
        """
        regression = self.regression or PRIOR
        found = [(window, self._transferred(window)) for window in windows]
        features = [self._window_features(window, labels, int(own)) for window, labels in found]
        verdicts = [self._weighed(window, labels, regression, int(own)) for window, labels in found]
        return features, [verdict.probability for verdict in verdicts]

    def is_routine(self, window: Window) -> bool:
        """Whether the window's shape is routine: that of a share of `COMMON` of its system's windows at least."""
        return self._shape_frequencies[window.system].is_frequent(window.shape, COMMON)

    def _label(self, units: Sequence[Unit]) -> list[Verdict | TeacherError]:
        texts = [[words(event.text) for event in unit.events] for unit in units]
        for unit, own in zip(units, texts, strict=True):
            self._texts[unit.system].update(set(own))
        return [self._verdict(unit, own) for unit, own in zip(units, texts, strict=True)]

    def _verdict(self, unit: Unit, texts: list[str]) -> Verdict:
        labels = self._transfer.labels_of(texts)
        usual = [self._texts[unit.system].is_usual(text) for text in texts]
        return _of_events([event.id for event in unit.events], _without_routine(unit.system, labels, usual))

    def _label_windows(self, windows: Sequence[Window], own: bool) -> list[Verdict | TeacherError]:
        self.prepare(windows)
        return [self.verdict(window, own) for window in windows]

    def _weighed(
        self, window: Window, labels: Sequence[TransferredLabel], regression: LogisticRegression, own: int
    ) -> Verdict:
        rarities, stopped = self._rarities(window, own), self._stopped(window, labels)
        alone, surprisal = (
            self._event_features(window, labels, rarities),
            self.profile(window.system).surprisal(window, own),
        )
        likely = max(probability(regression, _combined(alone, surprisal)), STOPPED if stopped else 0.0)
        routine = self.is_routine(window) and stopped is None
        events = []
        for place, (event, each, label) in enumerate(zip(window.events, alone, labels, strict=True), 1):
            chance = probability(regression, each)
            events.append(EventVerdict(place, max(chance, STOPPED) if event is stopped else chance, label.reason))
        likely = min(likely, ROUTINE) if routine else likely
        value = self.profile(window.system).unusual_value(window, own)
        reason = ROUTINE_REASON if routine else _reason(surprisal, alone, rarities, stopped, value)
        return Verdict(likely, max(likely, 1.0 - likely), reason, tuple(events))

    def _window_features(self, window: Window, labels: Sequence[TransferredLabel], own: int) -> Features:
        alone = self._event_features(window, labels, self._rarities(window, own))
        return _combined(alone, self.profile(window.system).surprisal(window, own))

    def _rarities(self, window: Window, own: int) -> list[float]:
        return self.profile(window.system).rarities(window, own)

    def _event_features(
        self, window: Window, labels: Sequence[TransferredLabel], rarities: Sequence[float]
    ) -> list[Features]:
        """The features of each event of a window by itself, given the others."""
        frequencies = self.profile(window.system).frequencies
        usual = [frequencies.is_usual(event.template) for event in window.events]
        fails = [label.failure and not each for label, each in zip(labels, usual, strict=True)]
        return [
            Features(rarity=event.rarity, failure=event.failure, transferred=label.transferred)
            for event, label in zip(event_features(rarities, fails), labels, strict=True)
        ]

    def _stopped(self, window: Window, labels: Sequence[TransferredLabel]) -> WindowEvent | None:
        """The first common event of failure after which usual steps are missing."""
        profile = self.profile(window.system)
        for event, label in zip(window.events, labels, strict=True):
            if (
                label.failure
                and profile.frequencies.is_frequent(event.template, COMMON)
                and not profile.frequencies.is_usual(event.template)
                and profile.risk_difference(event.template) >= LEAST_RISK_DIFFERENCE
            ):
                return event
        return None

    def _transferred(self, window: Window) -> list[TransferredLabel]:
        return self._transfer.labels_of([words(event.example) for event in window.events])


def _of_events(ids: Sequence[int], labels: Sequence[TransferredLabel]) -> Verdict:
    """The verdict of the most anomalous event."""
    events = tuple(EventVerdict(id, label.probability, label.reason) for id, label in zip(ids, labels, strict=True))
    worst = max(labels, key=lambda label: label.probability, default=BY_POLARITY[0])
    return Verdict(worst.probability, max(worst.probability, 1.0 - worst.probability), worst.reason, events)


def _without_routine(system: str, labels: Sequence[TransferredLabel], usual: Sequence[bool]) -> list[TransferredLabel]:
    """The labels of events, without anomalies among those that are usual in their system."""

    def routine(label: TransferredLabel) -> TransferredLabel:
        return TransferredLabel(ROUTINE, clip(f"usual in {system}, else: {label.reason}", MAX_REASON_CHARS))

    pairs = zip(labels, usual, strict=True)
    return [routine(label) if each and is_anomalous(label.probability) else label for label, each in pairs]


def _combined(alone: Sequence[Features], surprisal: float) -> Features:
    """The features of a window, from those of its events and the surprisal of the window."""
    return Features(
        surprisal=corrected_surprisal(surprisal, len(alone)),
        rarity=max((each.rarity for each in alone), default=0.0),
        failure=max((each.failure for each in alone), default=0.0),
        transferred=max((each.transferred for each in alone), default=0.0),
    )


def _reason(
    surprisal: float,
    alone: Sequence[Features],
    rarities: Sequence[float],
    stopped: WindowEvent | None,
    value: UnusualValue | None,
) -> str:
    """The reason of a verdict: the features that stand out."""
    rarest = max(rarities, default=0.0)
    failure = max((rarity for rarity, each in zip(rarities, alone, strict=True) if each.failure), default=0.0)
    found = [
        f"a habit broken that one window in {10**surprisal:.0f} breaks" if surprisal >= 1 else "",
        f"an event of one window in {10**rarest:.0f}" if rarest >= 1 else "",
        f"a failure of one window in {10**failure:.0f}" if failure >= 1 else "",
        "an event known as anomalous elsewhere" if any(each.transferred for each in alone) else "",
        f"usual steps missing beside {stopped.text!r}" if stopped else "",
        f"{value.event.text!r}: {value.phrase}" if value else "",
    ]
    return clip("; ".join(each for each in found if each) or "nothing unusual", MAX_REASON_CHARS)
