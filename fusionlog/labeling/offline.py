"""The teacher that needs no language model: the sources' verdicts carried over by likeness, and words of failure.

An event near enough to a known one takes its verdict, unless the two oppose each other (polarity). Near is the larger
of the cosine of their embeddings and the likeness of their words. An event with no near neighbour is judged by whether
it speaks of a failure: weak evidence, so the confidence is low. What most windows hold is hardly an anomaly, whatever
it says: a failure among the usual events of a system is taken for routine. A window is as suspicious as its worst
event.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from rapidfuzz import fuzz, process

from fusionlog.errors import TeacherError
from fusionlog.labeling.polarity import opposed, side, words
from fusionlog.labeling.teacher import MAX_REASON_CHARS, EventVerdict, Unit, Verdict, clip
from fusionlog.records import BankEvent
from fusionlog.types import Encode, FloatArray

NEAR = 0.8
"""Likeness from which a verdict is carried over. Nearest events of unrelated systems lie at .3 to .4; inside a system
neighbours above .8 to .9 share their verdict in 95 %."""
LEAST_WORDS = 3
"""Words that both events must have to be compared as words: `error` alone is part of everything."""
USUAL_SHARE = 0.5
USUAL_AFTER = 10
"""An event in half of a system's units so far, once ten were seen, is usual. Half, since in a real outage a fifth or a
third of the units may well fail."""
ROUTINE = 0.4
"""The most that a usual event of failure counts for."""
REMEMBERED = 20_000
"""Texts whose verdict, and whose share of windows, is remembered; beyond it both are forgotten and start anew."""


class Opinion(Struct, frozen=True):
    """What is thought of an event's words."""

    probability: float
    reason: str


BY_SIDE = {
    -1: Opinion(0.65, "unknown event that speaks of a failure"),
    0: Opinion(0.3, "unknown event"),
    1: Opinion(0.15, "unknown event that speaks of success"),
}
"""What an event without a near neighbour counts for, by the stance of its words. Weak evidence, so never sure."""


class Habits:
    """In how many of a system's units each event stood, of those seen so far."""

    def __init__(self) -> None:
        self._units: Counter[str] = Counter()
        self._events: Counter[tuple[str, str]] = Counter()

    def see(self, system: str, texts: set[str]) -> None:
        """Count one unit with its events' words."""
        if len(self._events) > REMEMBERED:
            self._units.clear()
            self._events.clear()
        self._units[system] += 1
        self._events.update((system, text) for text in texts)

    def usual(self, system: str, text: str) -> bool:
        """Whether an event belongs to the daily round of its system."""
        units = self._units[system]
        return units >= USUAL_AFTER and self._events[system, text] >= USUAL_SHARE * units


class OfflineTeacher:
    """Judges units by the sources' known events.

    :param known: events with the probability that they speak for an anomaly.
    :param encode: texts to unit vectors.
    """

    name = "offline"

    def __init__(self, known: Sequence[BankEvent], encode: Encode) -> None:
        self._known = [(text, event) for event in known if (text := words(event.text))]
        self._encode = encode
        self._vectors: FloatArray | None = None
        self._opinions: dict[str, Opinion] = {}
        self._habits = Habits()
        self._turn = asyncio.Lock()

    async def label(self, units: Sequence[Unit]) -> list[Verdict | TeacherError]:
        """A verdict for each unit, in their order; the work is done beside the event loop."""
        async with self._turn:
            return await asyncio.to_thread(self._label, units)

    async def close(self) -> None:
        """Nothing is open."""

    def _label(self, units: Sequence[Unit]) -> list[Verdict | TeacherError]:
        texts = [[words(event.text) for event in unit.events] for unit in units]
        self._consider({text for unit in texts for text in unit})
        for unit, said in zip(units, texts, strict=True):
            self._habits.see(unit.system, set(said))
        return [self._verdict(unit, said) for unit, said in zip(units, texts, strict=True)]

    def _consider(self, texts: set[str]) -> None:
        """Form an opinion of texts not seen before."""
        if len(self._opinions) > REMEMBERED:
            self._opinions.clear()
        new = sorted(text for text in texts if text not in self._opinions)
        if new:
            likeness = self._likeness(new)
            self._opinions.update((text, self._opinion(text, row)) for text, row in zip(new, likeness, strict=True))

    def _likeness(self, texts: list[str]) -> FloatArray:
        """The likeness of texts to the known events, `[texts, known]`."""
        known = [text for text, _ in self._known]
        if not known:
            return np.zeros((len(texts), 0), dtype=np.float32)
        if self._vectors is None:
            self._vectors = self._encode(known)
        cosine = self._encode(texts) @ self._vectors.T
        likeness: FloatArray = np.maximum(cosine, word_likeness(texts, known))
        return likeness

    def _opinion(self, text: str, likeness: FloatArray) -> Opinion:
        for place in np.argsort(-likeness):
            if likeness[place] < NEAR:
                break
            known, event = self._known[place]
            if not opposed(text, known):
                weight = min(float(likeness[place]), 1.0)
                kind = "anomalous" if event.probability >= 0.5 else "normal"
                reason = f"like an event of {event.system} known as {kind}: {event.text}"
                return Opinion(0.5 + (event.probability - 0.5) * weight, clip(reason, MAX_REASON_CHARS))
        return BY_SIDE[side(text)]

    def _verdict(self, unit: Unit, texts: list[str]) -> Verdict:
        opinions = [self._tempered(unit.system, text) for text in texts]
        events = tuple(
            EventVerdict(event.id, opinion.probability, opinion.reason)
            for event, opinion in zip(unit.events, opinions, strict=True)
        )
        worst = max(opinions, key=lambda opinion: opinion.probability, default=BY_SIDE[0])
        confidence = max(worst.probability, 1.0 - worst.probability)
        return Verdict(worst.probability, confidence, worst.reason, events)

    def _tempered(self, system: str, text: str) -> Opinion:
        opinion = self._opinions[text]
        if opinion.probability < 0.5 or not self._habits.usual(system, text):
            return opinion
        return Opinion(ROUTINE, clip(f"usual in {system}, else: {opinion.reason}", MAX_REASON_CHARS))


def word_likeness(texts: list[str], known: list[str]) -> FloatArray:
    """How alike texts are as words, 0 to 1, `[texts, known]`: the same set of words, and in the same order."""
    alike = np.minimum(
        process.cdist(texts, known, scorer=fuzz.token_set_ratio, dtype=np.float32),
        process.cdist(texts, known, scorer=fuzz.partial_ratio, dtype=np.float32),
    )
    enough = np.array([len(text.split()) >= LEAST_WORDS for text in texts])[:, None]
    known_enough = np.array([len(text.split()) >= LEAST_WORDS for text in known])[None, :]
    return np.where(enough & known_enough, alike / 100.0, 0.0).astype(np.float32)
