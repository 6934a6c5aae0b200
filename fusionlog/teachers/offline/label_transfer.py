"""Drift-based label transfer: the labels of the sources' events for events of another system (after arXiv 2601.14336).

The similarity of two events is the greater of the cosine of their embeddings and the similarity of their words. A label
transfers from the sources' own drift on: the least similarity above which their events share the label of their nearest
neighbour in 95 % (`threshold.choose_tau`). An event that is less similar than that to every known event is unmatched:
its label is that of the polarity of its words.
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
"""Words that both events must have to be compared as words: the one word `error` is part of very many."""
SIMILARITY_DIGITS = 4
"""Digits of a similarity: those behind them depend on which texts were encoded together."""
CACHE_ENTRIES = 20_000
"""Texts whose transferred label is cached."""


class TransferredLabel(Struct, frozen=True):
    """The label of an event, by its words and the known events.

    :param failure: its words report a failure, or the nearest known event is anomalous.
    :param transferred: the probability of an anomaly that a known event transfers, times the similarity of both; 0
        where none is near, or the nearest one is normal.
    """

    probability: float
    reason: str
    failure: bool = False
    transferred: float = 0.0


BY_POLARITY = {
    -1: TransferredLabel(0.65, "unknown event that reports a failure", failure=True),
    0: TransferredLabel(0.3, "unknown event"),
    1: TransferredLabel(0.15, "unknown event that reports a success"),
}
"""The label of an event without a near neighbour, by the polarity of its words: -1 for failure, 1 for success. Words
alone are weak evidence, so the probabilities stay away from 0 and 1."""


class LabelTransfer:
    """Labels of events, transferred from the sources' events.

    :param known: the sources' events with the probability that they indicate an anomaly.
    :param encode: texts to unit vectors, `[texts, dim]`.
    :param vectors: those of the words of the sources' events, where they were computed before, `[known, dim]`.
    """

    def __init__(self, known: Sequence[BankEvent], encode: Encode, vectors: FloatArray | None = None) -> None:
        self._known = [(text, event) for event in known if (text := words(event.text))]
        self.encode = encode
        self._computed = vectors if vectors is not None and len(vectors) == len(self._known) else None
        self._cache: BoundedCache[str, TransferredLabel] = BoundedCache(CACHE_ENTRIES)

    @cached_property
    def least_similarity(self) -> float:
        """The least similarity at which a label transfers."""
        probabilities = np.array([event.probability for _, event in self._known], dtype=np.float32)
        return choose_tau(self.vectors, probabilities, [event.system for _, event in self._known])

    def labels_of(self, texts: Sequence[str]) -> list[TransferredLabel]:
        """The label of each text, in their order. A text is the words of an event (`failure_lexicon.words`)."""
        found = {text: self._cache.get(text) for text in texts}
        new = sorted(text for text, label in found.items() if label is None)
        found.update(self._label(new))
        return [label for text in texts if (label := found[text]) is not None]

    @property
    def words(self) -> list[str]:
        """The words of the known events, those without any left out."""
        return [text for text, _ in self._known]

    @cached_property
    def vectors(self) -> FloatArray:
        """The vectors of the words of the known events, `[known, dim]`; of an event without words there is none."""
        return self.encode(self.words) if self._computed is None else self._computed

    def _label(self, texts: Sequence[str]) -> dict[str, TransferredLabel]:
        if not texts:
            return {}
        similarities = self._similarities(texts)
        labels = {text: self._label_of(text, row) for text, row in zip(texts, similarities, strict=True)}
        for text, label in labels.items():
            self._cache.put(text, label)
        return labels

    def _similarities(self, texts: Sequence[str]) -> FloatArray:
        """The similarity of texts to the known events, `[texts, known]`."""
        if not self._known:
            return np.zeros((len(texts), 0), dtype=np.float32)
        cosine = self.encode(texts) @ self.vectors.T
        greater: FloatArray = np.maximum(cosine, word_similarity(texts, self.words))
        return np.round(greater, SIMILARITY_DIGITS)

    def _label_of(self, text: str, similarities: FloatArray) -> TransferredLabel:
        for place in np.argsort(-similarities):
            if similarities[place] < self.least_similarity:
                break
            known, event = self._known[place]
            if not contradict(text, known):
                return _transferred(event, min(float(similarities[place]), 1.0))
        return BY_POLARITY[valence(text)]


def word_similarity(texts: Iterable[str], known: Iterable[str]) -> FloatArray:
    """The similarity of texts by words, 0 to 1, `[texts, known]`: the same set of words, and in the same order."""
    texts, known = list(texts), list(known)
    ratio = np.minimum(
        process.cdist(texts, known, scorer=fuzz.token_set_ratio, dtype=np.float32),
        process.cdist(texts, known, scorer=fuzz.partial_ratio, dtype=np.float32),
    )
    enough = np.array([len(text.split()) >= LEAST_WORDS for text in texts])[:, None]
    known_enough = np.array([len(text.split()) >= LEAST_WORDS for text in known])[None, :]
    return np.where(enough & known_enough, ratio / 100.0, 0.0).astype(np.float32)


def _transferred(event: BankEvent, similarity: float) -> TransferredLabel:
    """The label that a known event transfers to one with this similarity, 0 to 1."""
    anomalous = is_anomalous(event.probability)
    kind = "anomalous" if anomalous else "normal"
    reason = clip(f"like an event of {event.system} known as {kind}: {event.text}", MAX_REASON_CHARS)
    probability = UNDECIDED + (event.probability - UNDECIDED) * similarity
    return TransferredLabel(probability, reason, anomalous, event.probability * similarity if anomalous else 0.0)
