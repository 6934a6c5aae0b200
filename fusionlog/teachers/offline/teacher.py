"""The teacher that needs no language model.

It looks at four things: whether a window breaks the habits of its system, how rare its events are, how rare those that
speak of a failure are, and which verdicts of the sources carry over (`label_transfer`); and weighs them by a formula
that the sources taught (`logistic_regression`). It must see what goes by to know what is rare, so it judges windows
anew each time. What a system does again and again, a whole window of the same lines, is its routine.

Without a formula, or when it is shown units alone, an event counts by its words and a window is as suspicious as its
worst event; an event of failure in half of a system's windows is routine.
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
from fusionlog.records import BankEvent, LogisticRegression, Window, WindowEvent
from fusionlog.settings import SystemSettings
from fusionlog.teachers.base import MAX_REASON_CHARS, EventVerdict, Unit, Verdict, clip, unit_of
from fusionlog.teachers.offline.features import PRIOR, Features, probability
from fusionlog.teachers.offline.label_transfer import BY_POLARITY, LabelTransfer, TransferredLabel
from fusionlog.types import Encode

ROUTINE = 0.4
"""The most that a window counts for which is routine; where there is no formula, a usual event of failure."""
COMMON = 0.05
"""The share of windows from which on a window's shape is routine, and an event not rare at all, so that its rarity says
nothing of a failure."""
LEAST_RISK_DIFFERENCE = 0.5
"""How much rarer a usual step must be after a common failure for it to be one."""
ROUTINE_REASON = "one of the windows that this system makes all the time"
STOPPED = 0.65
"""What a window counts for that has a common event of failure after which usual steps are missing. By design, and not
learned from the sources: where a third of all sessions fail, their failures are not rare, and the formula, which knows
systems where few do, would take them for the routine. A failure after which all goes on as ever is none."""


class OfflineTeacher:
    """Judges windows, or units, by what it saw of their system and by the sources' known events.

    :param known: events with the probability that they speak for an anomaly.
    :param encode: texts to unit vectors.
    :param formula: how what is observed is weighed; None where no source taught it.
    """

    name = "offline"

    def __init__(self, known: Sequence[BankEvent], encode: Encode, formula: LogisticRegression | None = None) -> None:
        self._transfer, self.formula = LabelTransfer(known, encode), formula
        self._profiles: dict[str, SystemProfile] = defaultdict(SystemProfile)
        self._texts: dict[str, Frequencies] = defaultdict(Frequencies)
        self._shape_frequencies: dict[str, Frequencies] = defaultdict(Frequencies)
        self._turn = asyncio.Lock()

    def without_history(self) -> OfflineTeacher:
        """The same labeller, which has seen nothing yet."""
        fresh = OfflineTeacher([], self._transfer.encode, self.formula)
        fresh._transfer = self._transfer
        return fresh

    async def label(self, units: Sequence[Unit]) -> list[Verdict | TeacherError]:
        """A verdict for each unit by its words, in their order; the work is done beside the event loop."""
        async with self._turn:
            return await asyncio.to_thread(self._label, units)

    async def update(self, windows: Sequence[Window]) -> None:
        """Know that these windows went by."""
        async with self._turn:
            self.count(windows)

    async def load_profile(self, system: str, profile: SystemProfile) -> None:
        """Take over a profile of a system, where it counted more windows than the teacher's own."""
        async with self._turn:
            self._profiles[system].merge(profile)

    async def label_windows(
        self, windows: Sequence[Window], system: SystemSettings, own: bool = False
    ) -> list[Verdict | TeacherError]:
        """A verdict on each window, in their order, by what was seen before; done beside the event loop.

        :param own: they were seen themselves; each is judged by the others.
        """
        if self.formula is None:
            return await self.label([unit_of(window, system) for window in windows])
        async with self._turn:
            return await asyncio.to_thread(self._label_windows, windows, self.formula, int(own))

    async def close(self) -> None:
        """Nothing is open."""

    def count(self, windows: Sequence[Window]) -> None:
        """Count windows."""
        for window in windows:
            self._profiles[window.system].update(window)
            self._shape_frequencies[window.system].update((window.shape,))

    def features(self, windows: Sequence[Window]) -> list[Features]:
        """What there is to say of each window, by what was seen before."""
        return [self._window_features(window, self._transferred(window), 0) for window in windows]

    def features_and_probabilities(
        self, windows: Sequence[Window], own: bool = False
    ) -> tuple[list[Features], list[float]]:
        """What there is to say of each window, and how likely that makes it an anomaly.

        :param own: they were seen themselves; each is judged by the others.
        """
        formula = self.formula or PRIOR
        found = [(window, self._transferred(window)) for window in windows]
        evidence = [self._window_features(window, opinions, int(own)) for window, opinions in found]
        said = [self._weighed(window, opinions, formula, int(own)) for window, opinions in found]
        return evidence, [verdict.probability for verdict in said]

    def is_routine(self, window: Window) -> bool:
        """Whether a system makes such windows again and again."""
        return self._shape_frequencies[window.system].is_frequent(window.shape, COMMON)

    def _label(self, units: Sequence[Unit]) -> list[Verdict | TeacherError]:
        texts = [[words(event.text) for event in unit.events] for unit in units]
        for unit, said in zip(units, texts, strict=True):
            self._texts[unit.system].update(set(said))
        return [self._verdict(unit, said) for unit, said in zip(units, texts, strict=True)]

    def _verdict(self, unit: Unit, texts: list[str]) -> Verdict:
        found = zip(texts, self._transfer.labels_of(texts), strict=True)
        opinions = [self._without_routine(unit.system, text, opinion) for text, opinion in found]
        events = tuple(
            EventVerdict(event.id, opinion.probability, opinion.reason)
            for event, opinion in zip(unit.events, opinions, strict=True)
        )
        worst = max(opinions, key=lambda opinion: opinion.probability, default=BY_POLARITY[0])
        confidence = max(worst.probability, 1.0 - worst.probability)
        return Verdict(worst.probability, confidence, worst.reason, events)

    def _without_routine(self, system: str, text: str, opinion: TransferredLabel) -> TransferredLabel:
        if not is_anomalous(opinion.probability) or not self._texts[system].is_usual(text):
            return opinion
        return TransferredLabel(ROUTINE, clip(f"usual in {system}, else: {opinion.reason}", MAX_REASON_CHARS))

    def _label_windows(
        self, windows: Sequence[Window], formula: LogisticRegression, own: int
    ) -> list[Verdict | TeacherError]:
        return [self._weighed(window, self._transferred(window), formula, own) for window in windows]

    def _weighed(
        self, window: Window, opinions: Sequence[TransferredLabel], formula: LogisticRegression, own: int
    ) -> Verdict:
        rarities, stopped = self._rarities(window, own), self._stopped(window, opinions)
        alone, surprise = (
            self._event_features(window, opinions, rarities),
            self._profiles[window.system].surprisal(window, own),
        )
        likely = max(probability(formula, _combined(alone, surprise)), STOPPED if stopped else 0.0)
        routine = self.is_routine(window) and stopped is None
        events = []
        for place, (event, each, opinion) in enumerate(zip(window.events, alone, opinions, strict=True), 1):
            said = probability(formula, each)
            events.append(EventVerdict(place, max(said, STOPPED) if event is stopped else said, opinion.reason))
        likely = min(likely, ROUTINE) if routine else likely
        reason = ROUTINE_REASON if routine else _reason(surprise, alone, rarities, stopped)
        return Verdict(likely, max(likely, 1.0 - likely), reason, tuple(events))

    def _window_features(self, window: Window, opinions: Sequence[TransferredLabel], own: int) -> Features:
        alone = self._event_features(window, opinions, self._rarities(window, own))
        return _combined(alone, self._profiles[window.system].surprisal(window, own))

    def _rarities(self, window: Window, own: int) -> list[float]:
        return self._profiles[window.system].rarities(window, own)

    def _event_features(
        self, window: Window, opinions: Sequence[TransferredLabel], rarities: Sequence[float]
    ) -> list[Features]:
        """What there is to say of each event of a window by itself, but in the company of the others."""
        frequencies = self._profiles[window.system].frequencies
        usual = [frequencies.is_usual(event.template) for event in window.events]
        fails = [opinion.failure and not each for opinion, each in zip(opinions, usual, strict=True)]
        return [
            Features(rarity=event.rarity, failure=event.failure, transferred=opinion.transferred)
            for event, opinion in zip(event_features(rarities, fails), opinions, strict=True)
        ]

    def _stopped(self, window: Window, opinions: Sequence[TransferredLabel]) -> WindowEvent | None:
        """The first common event of failure after which usual steps are missing."""
        profile = self._profiles[window.system]
        for event, opinion in zip(window.events, opinions, strict=True):
            if (
                opinion.failure
                and profile.frequencies.is_frequent(event.template, COMMON)
                and not profile.frequencies.is_usual(event.template)
                and profile.risk_difference(event.template) >= LEAST_RISK_DIFFERENCE
            ):
                return event
        return None

    def _transferred(self, window: Window) -> list[TransferredLabel]:
        return self._transfer.labels_of([words(event.example) for event in window.events])


def _combined(alone: Sequence[Features], surprise: float) -> Features:
    """What there is to say of a window, from what there is to say of its events, and its surprise."""
    return Features(
        surprisal=corrected_surprisal(surprise, len(alone)),
        rarity=max((each.rarity for each in alone), default=0.0),
        failure=max((each.failure for each in alone), default=0.0),
        transferred=max((each.transferred for each in alone), default=0.0),
    )


def _reason(surprise: float, alone: Sequence[Features], rarities: Sequence[float], stopped: WindowEvent | None) -> str:
    """What was observed, in words."""
    rarest = max(rarities, default=0.0)
    failure = max((rarity for rarity, each in zip(rarities, alone, strict=True) if each.failure), default=0.0)
    found = [
        f"a habit broken that one window in {10**surprise:.0f} breaks" if surprise >= 1 else "",
        f"an event of one window in {10**rarest:.0f}" if rarest >= 1 else "",
        f"a failure of one window in {10**failure:.0f}" if failure >= 1 else "",
        "an event known as anomalous elsewhere" if any(each.transferred for each in alone) else "",
        f"usual steps missing beside {stopped.text!r}" if stopped else "",
    ]
    return clip("; ".join(each for each in found if each) or "nothing unusual", MAX_REASON_CHARS)
