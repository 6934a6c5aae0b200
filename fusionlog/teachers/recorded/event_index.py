"""An index of recorded events by the constant words of a line: the same words, else the greatest overlap."""

from __future__ import annotations

from collections import Counter, defaultdict

from fusionlog.novelty.failure_lexicon import contradict
from fusionlog.teachers.recorded.constant_words import Words, is_cut, words
from fusionlog.utils.bounded_cache import BoundedCache

LEAST_OVERLAP = 0.6
"""Words in common over all words of both; below it a line is another event."""
INSIDE = 0.95
"""The similarity of an event that has every word of a line and more: a template lacks some, or the header."""
LEAST_INSIDE = 3
LEAST_PREFIX = 3
"""The fewest words of a line that match an event by lying inside its words, or by being their beginning."""
CACHE_ENTRIES = 50_000

_LEVELS = {"TRACE", "DEBUG", "INFO", "NOTICE", "WARN", "WARNING", "ERROR", "SEVERE", "CRITICAL", "FATAL", "PANIC"}


class EventIndex:
    """The keys of events by the words of their texts; of two events with the same words, the one added first."""

    def __init__(self) -> None:
        self._keys: dict[Words, str] = {}
        self._fronts: dict[Words, Words] = {}
        self._by_word: defaultdict[str, list[Words]] = defaultdict(list)
        self._cache: BoundedCache[str, tuple[str | None]] = BoundedCache(CACHE_ENTRIES)

    def add(self, text: str, key: str) -> None:
        """Map a text, and every text with the same constant words, to the key of an event."""
        added = words(text)
        if added in self._keys:
            return
        self._keys[added] = key
        for end in range(LEAST_PREFIX, len(added) + 1):
            self._fronts.setdefault(added[:end], added)
        for word in added:
            self._by_word[word].append(added)
        self._cache = BoundedCache(CACHE_ENTRIES)

    def find(self, text: str) -> str | None:
        """The key of a line's event, or of a template's; None where none is near."""
        known = self._cache.get(text)
        if known is None:
            known = (self._search(text),)
            self._cache.put(text, known)
        return known[0]

    def _search(self, text: str) -> str | None:
        query = words(text)
        if query in self._keys:
            return self._keys[query]
        if is_cut(text) and query in self._fronts:
            return self._keys[self._fronts[query]]
        nearest = self._nearest(query)
        return self._keys[nearest] if nearest is not None else None

    def _nearest(self, query: Words) -> Words | None:
        """The known words of the greatest similarity that do not contradict; of equals, those added first."""
        common = Counter(known for word in query for known in self._by_word.get(word, ()))
        similarity = {known: _overlap(query, known, shared) for known, shared in common.items()}
        order = {known: place for place, known in enumerate(self._keys)} if len(similarity) > 1 else {}
        near = [known for known, value in similarity.items() if value >= LEAST_OVERLAP]
        for known in sorted(near, key=lambda known: (-similarity[known], order.get(known, 0))):
            if not _contradict(query, known):
                return known
        return None


def _overlap(query: Words, known: Words, shared: int) -> float:
    overlap = shared / (len(query) + len(known) - shared)
    return max(overlap, INSIDE * shared / len(query)) if shared >= LEAST_INSIDE else overlap


def _contradict(one: Words, other: Words) -> bool:
    """Whether two events differ in their level, or one reports a failure and the other does not."""
    levels = [next((word for word in found if word in _LEVELS), None) for found in (one, other)]
    if None not in levels and levels[0] != levels[1]:
        return True
    texts = [" ".join(word for word in found if word not in _LEVELS).lower() for found in (one, other)]
    return contradict(texts[0], texts[1])
