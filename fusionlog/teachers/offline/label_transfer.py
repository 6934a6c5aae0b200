"""The sources' verdicts carried over to the events of another system, by meaning and by words, where they are near.

Drift-based labelling (after arXiv 2601.14336). An event's likeness to a known one is the greater of the cosine of their
embeddings and the likeness of their words. How near is near enough is the sources' own drift: the least likeness above
which their events share the verdict of their nearest neighbour in 95 % (`threshold.choose_tau`). What is farther from
every known event has drifted too far to be matched, and its words alone speak.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
from msgspec import Struct
from rapidfuzz import fuzz, process

from fusionlog.decision import UNDECIDED, is_anomalous
from fusionlog.novelty.failure_lexicon import contradict, valence, words
from fusionlog.records import BankEvent
from fusionlog.routing.threshold import choose_tau
from fusionlog.teachers.base import MAX_REASON_CHARS, clip
from fusionlog.types import Encode, FloatArray
from fusionlog.utils.bounded_cache import BoundedCache

LEAST_WORDS = 3
"""Words that both events must have to be compared as words: `error` alone is part of everything."""
REMEMBERED = 20_000
"""Texts whose opinion is remembered."""


class TransferredLabel(Struct, frozen=True):
    """What is thought of an event's words.

    :param failure: it speaks of a failure. :param carried: the probability of an anomaly that a known event carries
        over, times the likeness of both; 0 where none is near, or the nearest one is normal.
    """

    probability: float
    reason: str
    failure: bool = False
    transferred: float = 0.0


BY_POLARITY = {
    -1: TransferredLabel(0.65, "unknown event that speaks of a failure", failure=True),
    0: TransferredLabel(0.3, "unknown event"),
    1: TransferredLabel(0.15, "unknown event that speaks of success"),
}
"""What an event without a near neighbour counts for, by the stance of its words. Weak evidence, so never sure."""


class LabelTransfer:
    """Opinions of events, by their words (`failure_lexicon.words`).

    :param known: the sources' events with the probability that they speak for an anomaly.
    :param encode: texts to unit vectors.
    """

    def __init__(self, known: Sequence[BankEvent], encode: Encode) -> None:
        self._known = [(text, event) for event in known if (text := words(event.text))]
        self.encode = encode
        self._cache: BoundedCache[str, TransferredLabel] = BoundedCache(REMEMBERED)

    @cached_property
    def least_similarity(self) -> float:
        """The likeness from which a verdict is carried over."""
        probabilities = np.array([event.probability for _, event in self._known], dtype=np.float32)
        return choose_tau(self._vectors, probabilities, [event.system for _, event in self._known])

    def labels_of(self, texts: Sequence[str]) -> list[TransferredLabel]:
        """What is thought of each of these words."""
        found = {text: self._cache.get(text) for text in texts}
        new = sorted(text for text, opinion in found.items() if opinion is None)
        found.update(self._label(new))
        return [opinion for text in texts if (opinion := found[text]) is not None]

    @cached_property
    def _vectors(self) -> FloatArray:
        return self.encode([text for text, _ in self._known])

    def _label(self, texts: Sequence[str]) -> dict[str, TransferredLabel]:
        if not texts:
            return {}
        likeness = self._similarities(texts)
        formed = {text: self._label_of(text, row) for text, row in zip(texts, likeness, strict=True)}
        for text, opinion in formed.items():
            self._cache.put(text, opinion)
        return formed

    def _similarities(self, texts: Sequence[str]) -> FloatArray:
        """The likeness of texts to the known events, `[texts, known]`."""
        if not self._known:
            return np.zeros((len(texts), 0), dtype=np.float32)
        cosine = self.encode(texts) @ self._vectors.T
        likeness: FloatArray = np.maximum(cosine, word_similarity(texts, [text for text, _ in self._known]))
        return likeness

    def _label_of(self, text: str, similarities: FloatArray) -> TransferredLabel:
        for place in np.argsort(-similarities):
            if similarities[place] < self.least_similarity:
                break
            known, event = self._known[place]
            if not contradict(text, known):
                return _transferred(event, min(float(similarities[place]), 1.0))
        return BY_POLARITY[valence(text)]


def word_similarity(texts: Iterable[str], known: Iterable[str]) -> FloatArray:
    """How alike texts are as words, 0 to 1, `[texts, known]`: the same set of words, and in the same order."""
    texts, known = list(texts), list(known)
    alike = np.minimum(
        process.cdist(texts, known, scorer=fuzz.token_set_ratio, dtype=np.float32),
        process.cdist(texts, known, scorer=fuzz.partial_ratio, dtype=np.float32),
    )
    enough = np.array([len(text.split()) >= LEAST_WORDS for text in texts])[:, None]
    known_enough = np.array([len(text.split()) >= LEAST_WORDS for text in known])[None, :]
    return np.where(enough & known_enough, alike / 100.0, 0.0).astype(np.float32)


def _transferred(event: BankEvent, similarity: float) -> TransferredLabel:
    """The verdict of a known event, as far as another one is like it."""
    anomalous = is_anomalous(event.probability)
    kind = "anomalous" if anomalous else "normal"
    reason = clip(f"like an event of {event.system} known as {kind}: {event.text}", MAX_REASON_CHARS)
    probability = UNDECIDED + (event.probability - UNDECIDED) * similarity
    return TransferredLabel(probability, reason, anomalous, event.probability * similarity if anomalous else 0.0)
