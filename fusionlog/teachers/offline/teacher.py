"""The offline teacher: labels windows without a language model.

A window has four features: the surprisal of its least likely deviation from the profile of its system, the rarity of
its rarest event, the rarity of its events that report a failure, and the labels that transfer from the sources' events
(`label_transfer`). The probability of an anomaly is a logistic regression over them that was fitted on the sources
(`features`). Surprisal and rarity are counts of the windows so far, so each call computes its verdicts again. A window
shape that a system makes very often is routine: no anomaly, unless usual steps are missing after a failure in it.

Without a regression, or for units alone, the label of an event is the transferred one, and that of a window is its most
anomalous event's; an event of failure in half of a system's windows is routine.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence

from fusionlog.decision import is_anomalous
from fusionlog.errors import TeacherError
from fusionlog.novelty.failure_lexicon import words
from fusionlog.novelty.features import corrected_surprisal, event_features
from fusionlog.novelty.frequencies import Frequencies
from fusionlog.novelty.profile import SystemProfile
from fusionlog.novelty.value_ranges import UnusualValue
from fusionlog.records import BankEvent, LogisticRegression, Window, WindowEvent
from fusionlog.settings import SystemSettings
from fusionlog.teachers.base import MAX_REASON_CHARS, EventVerdict, Unit, Verdict, clip, unit_of
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

    name = "offline"

    def __init__(
        self, known: Sequence[BankEvent], encode: Encode, regression: LogisticRegression | None = None,
        vectors: FloatArray | None = None,
    ) -> None:  # fmt: skip
        self._transfer, self.regression = LabelTransfer(known, encode, vectors), regression
        self._profiles: dict[str, SystemProfile] = defaultdict(SystemProfile)
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

    async def update(self, windows: Sequence[Window]) -> None:
        """Count these windows."""
        async with self._turn:
            self.count(windows)

    def profile_of(self, system: str) -> SystemProfile:
        """The profile of a system: the windows counted so far. To be read, and not kept."""
        return self._profiles[system]

    async def load_profile(self, system: str, profile: SystemProfile) -> None:
        """Take over a profile of a system, where it counted more windows than the teacher's own."""
        async with self._turn:
            self._profiles[system].merge(profile)

    async def label_windows(
        self, windows: Sequence[Window], system: SystemSettings, own: bool = False
    ) -> list[Verdict | TeacherError]:
        """A verdict on each window, in their order, from the windows counted before; computed in a thread.

        :param own: these windows were counted themselves; each is left out of the counts for its own verdict.
        """
        if self.regression is None:
            return await self.label([unit_of(window, system) for window in windows])
        async with self._turn:
            return await asyncio.to_thread(self._label_windows, windows, self.regression, int(own))

    async def close(self) -> None:
        """Do nothing: the teacher has no connection."""

    def count(self, windows: Sequence[Window]) -> None:
        """Count windows in the profiles of their systems."""
        for window in windows:
            self._profiles[window.system].update(window)
            self._shape_frequencies[window.system].update((window.shape,))

    def counted(self, system: str) -> int:
        """The number of windows of a system that were counted, those of a loaded profile included."""
        return self._profiles[system].windows

    def profile(self, system: str) -> SystemProfile:
        """The profile of a system, to be read only."""
        return self._profiles[system]

    def prepare(self, windows: Sequence[Window]) -> None:
        """Compute the transferred labels of the windows' events in one batch; later verdicts find them."""
        self._transfer.labels_of([words(event.example) for window in windows for event in window.events])

    def verdict(self, window: Window, own: bool = False) -> Verdict:
        """The verdict on a window from the windows counted before.

        :param own: the window was counted itself; it is left out of the counts.
        """
        return self._weighed(window, self._transferred(window), self.regression or PRIOR, int(own))

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
        found = zip(texts, self._transfer.labels_of(texts), strict=True)
        labels = [self._without_routine(unit.system, text, label) for text, label in found]
        events = tuple(
            EventVerdict(event.id, label.probability, label.reason)
            for event, label in zip(unit.events, labels, strict=True)
        )
        worst = max(labels, key=lambda label: label.probability, default=BY_POLARITY[0])
        confidence = max(worst.probability, 1.0 - worst.probability)
        return Verdict(worst.probability, confidence, worst.reason, events)

    def _without_routine(self, system: str, text: str, label: TransferredLabel) -> TransferredLabel:
        if not is_anomalous(label.probability) or not self._texts[system].is_usual(text):
            return label
        return TransferredLabel(ROUTINE, clip(f"usual in {system}, else: {label.reason}", MAX_REASON_CHARS))

    def _label_windows(
        self, windows: Sequence[Window], regression: LogisticRegression, own: int
    ) -> list[Verdict | TeacherError]:
        return [self._weighed(window, self._transferred(window), regression, own) for window in windows]

    def _weighed(
        self, window: Window, labels: Sequence[TransferredLabel], regression: LogisticRegression, own: int
    ) -> Verdict:
        rarities, stopped = self._rarities(window, own), self._stopped(window, labels)
        alone, surprisal = (
            self._event_features(window, labels, rarities),
            self._profiles[window.system].surprisal(window, own),
        )
        likely = max(probability(regression, _combined(alone, surprisal)), STOPPED if stopped else 0.0)
        routine = self.is_routine(window) and stopped is None
        events = []
        for place, (event, each, label) in enumerate(zip(window.events, alone, labels, strict=True), 1):
            chance = probability(regression, each)
            events.append(EventVerdict(place, max(chance, STOPPED) if event is stopped else chance, label.reason))
        likely = min(likely, ROUTINE) if routine else likely
        value = self._profiles[window.system].unusual_value(window, own)
        reason = ROUTINE_REASON if routine else _reason(surprisal, alone, rarities, stopped, value)
        return Verdict(likely, max(likely, 1.0 - likely), reason, tuple(events))

    def _window_features(self, window: Window, labels: Sequence[TransferredLabel], own: int) -> Features:
        alone = self._event_features(window, labels, self._rarities(window, own))
        return _combined(alone, self._profiles[window.system].surprisal(window, own))

    def _rarities(self, window: Window, own: int) -> list[float]:
        return self._profiles[window.system].rarities(window, own)

    def _event_features(
        self, window: Window, labels: Sequence[TransferredLabel], rarities: Sequence[float]
    ) -> list[Features]:
        """The features of each event of a window by itself, given the others."""
        frequencies = self._profiles[window.system].frequencies
        usual = [frequencies.is_usual(event.template) for event in window.events]
        fails = [label.failure and not each for label, each in zip(labels, usual, strict=True)]
        return [
            Features(rarity=event.rarity, failure=event.failure, transferred=label.transferred)
            for event, label in zip(event_features(rarities, fails), labels, strict=True)
        ]

    def _stopped(self, window: Window, labels: Sequence[TransferredLabel]) -> WindowEvent | None:
        """The first common event of failure after which usual steps are missing."""
        profile = self._profiles[window.system]
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
