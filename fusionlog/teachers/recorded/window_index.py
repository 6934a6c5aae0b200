"""An index of recorded windows by their lines: the one that was asked about, found again from another cut of it.

A window is the multiset of the texts that are sent of it, each a short hash. Times and ids make most texts those of one
window, so that a window is found though its lines came under other templates or some are missing. A text that several
windows have shows nothing: of windows without a text of their own only an equal one is found.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Generic, TypeVar

from fusionlog.teachers.recorded.constant_words import shown

HASH_CHARS = 6
"""Characters of a text's hash, 36 bits: two of 50,000 texts have the same one in 2 % of recordings."""

W = TypeVar("W")
Texts = Mapping[str, int]
"""Hashes of texts, each with its number of lines."""


def text_hash(text: str) -> str:
    """The short hash of a line as it is sent to a teacher: redacted and cut."""
    return urlsafe_b64encode(sha256(shown(text).encode("utf-8", "replace")).digest())[:HASH_CHARS].decode()


def to_field(texts: Texts) -> str:
    """Hashes with their counts as one text: `aaaaaa bbbbbb*3`."""
    return " ".join(each if count == 1 else f"{each}*{count}" for each, count in texts.items())


def from_field(field: str) -> Counter[str]:
    """The hashes and counts of such a text."""
    texts: Counter[str] = Counter()
    for each in field.split():
        name, _, count = each.partition("*")
        texts[name] += int(count or 1)
    return texts


class WindowIndex(Generic[W]):
    """Windows by their texts; of several windows with the same texts, the one added first."""

    def __init__(self) -> None:
        self._windows: list[tuple[Counter[str], W]] = []
        self._equal: dict[frozenset[tuple[str, int]], W] = {}
        self._places: defaultdict[str, list[int]] = defaultdict(list)

    def __len__(self) -> int:
        return len(self._windows)

    def add(self, texts: Texts, window: W) -> None:
        """Add a window, unless an equal one is there."""
        key = frozenset(texts.items())
        if key in self._equal:
            return
        self._equal[key] = window
        for each in texts:
            self._places[each].append(len(self._windows))
        self._windows.append((Counter(texts), window))

    def find(self, texts: Texts) -> W | None:
        """The equal window, else the one that shares most texts: at least half of both sides', one of its own."""
        equal = self._equal.get(frozenset(texts.items()))
        if equal is not None:
            return equal
        shared = Counter(place for each in texts for place in self._places.get(each, ()))
        near = [place for place in self._owners(texts) if self._is_half(shared[place], texts, place)]
        if not near:
            return None
        return self._windows[min(near, key=lambda place: (-shared[place], self._difference(texts, place), place))][1]

    def _owners(self, texts: Iterable[str]) -> set[int]:
        """The windows that alone have one of these texts."""
        return {places[0] for each in texts if len(places := self._places.get(each, [])) == 1}

    def _is_half(self, shared: int, texts: Texts, place: int) -> bool:
        return 2 * shared >= max(len(texts), len(self._windows[place][0]))

    def _difference(self, texts: Texts, place: int) -> int:
        """The lines that one side has and the other has not."""
        asked, known = Counter(texts), self._windows[place][0]
        return ((asked - known) + (known - asked)).total()
