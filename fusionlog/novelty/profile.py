"""The profile of a system: counts over its unlabelled stream, and the novelty features of a window by them.

Every line of a window can be harmless and the window still anomalous: a step is repeated, a step is missing, nothing
follows the first line, two events meet that never meet. The surprisal of a window is that of its least likely
deviation; its rarities are those of its events. A value that a line names, such as a duration, may be the deviation.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from math import floor, log, log10
from typing import Annotated

import msgspec

from fusionlog.errors import ModelError
from fusionlog.novelty.cooccurrence import Cooccurrence, Counted, Deviation, PerTemplate, Tables
from fusionlog.novelty.features import NoveltyFeatures, novelty_features
from fusionlog.novelty.frequencies import Frequencies
from fusionlog.novelty.value_ranges import MAX_SERIES, Table, UnusualValue, ValueRanges
from fusionlog.records import Window
from fusionlog.utils.bounded_cache import BoundedCache
from fusionlog.utils.decompression import decompress

PACKED_TEMPLATES = 500
"""A release carries the counts of so many templates, the most frequent ones: at most some hundred kB."""
KEPT_TEXTS = 2_000
"""Templates whose text is kept, to name a missing one; each text is cut to `TEXT_CHARS`."""
TEXT_CHARS = 200
PACKED_SERIES = 500
"""A release carries the ranges of so many values."""
MAX_UNPACKED_BYTES = 8 * 1024 * 1024
"""Of a profile; all pairs of 500 templates, and 500 numbers of lines of each, take 4 MB."""
CACHED_SHAPES = 50_000
CACHE_GROWTH = 1.1
"""The cache of features is emptied each time that the number of windows has grown by this factor."""


class _PackedProfile(msgspec.Struct, frozen=True):
    windows: Counted
    events: Annotated[dict[str, Counted], PerTemplate]
    cooccurrence: Tables
    texts: Annotated[dict[str, str], PerTemplate] = {}
    values: Annotated[list[Table], msgspec.Meta(max_length=MAX_SERIES)] = []


class SystemProfile:
    """Frequencies, co-occurrences and values of a system's events, and windows' features by them. For one thread at a
    time.

    The features of a shape are cached in one place, with one rule: all are dropped when the number of windows has grown
    by `CACHE_GROWTH`, and after a merge. Windows of one shape may differ in their values, which are not cached.
    """

    def __init__(
        self,
        frequencies: Frequencies | None = None,
        cooccurrence: Cooccurrence | None = None,
        values: ValueRanges | None = None,
        texts: Mapping[str, str] | None = None,
    ) -> None:
        self.frequencies, self._cooccurrence = frequencies or Frequencies(), cooccurrence or Cooccurrence()
        self._values, self._texts = values or ValueRanges(), dict(texts or {})
        self._cache: BoundedCache[str, NoveltyFeatures] = BoundedCache(CACHED_SHAPES)
        self._age = self._generation()

    @property
    def windows(self) -> int:
        """The number of windows counted."""
        return self.frequencies.windows

    @property
    def until_next_generation(self) -> int:
        """The windows until the features of all shapes are computed again."""
        least = floor(CACHE_GROWTH ** (self._generation() + 1)) - 1 - self.windows
        return next(more for more in count(max(1, least)) if self._generation(more) != self._generation())

    def update(self, window: Window, times: int = 1) -> None:
        """Count a window, or several of one shape and equal values at once."""
        self._values.update(window, times)
        self._count(window, times)

    def update_batch(self, windows: Sequence[Window]) -> None:
        """Count windows: each shape once with its frequency, and the values of each window."""
        first: dict[str, Window] = {}
        for window in windows:
            first.setdefault(window.shape, window)
            self._values.update(window)
        for shape, times in Counter(window.shape for window in windows).items():
            self._count(first[shape], times)

    def merge(self, other: SystemProfile) -> None:
        """Take over the counts of another profile of the same system, where it has counted more windows.

        Not the sum: both counted one stream, so a sum would count windows twice. `other` must not be used any more.
        """
        if other.windows > self.windows:
            self.frequencies, self._cooccurrence = other.frequencies, other._cooccurrence
            self._texts |= other._texts
            self._values = other._values
            self._drop()

    def features(self, window: Window) -> NoveltyFeatures:
        """The novelty features of a window; without its values they are cached by its shape."""
        found = self._cache.get(window.shape)
        if found is None:
            found = self._of_shape(window, 0)
            self._cache.put(window.shape, found)
        return self._with_value(found, window, 0)

    def compute_features(self, window: Window, own: int = 0) -> NoveltyFeatures:
        """The novelty features of a window, not cached.

        :param own: how often the window's shape was counted; it is left out of what it is compared with.
        """
        return self._with_value(self._of_shape(window, own), window, own)

    def surprisal(self, window: Window, own: int = 0) -> float:
        """-log10 of the share of the comparable windows that deviate as this one does; of its greatest deviation.

        0 where nothing deviates or nothing is known; 2 is one window in a hundred. Shares are (1 + k) / (1 + n), so
        that what never happened in ten windows has less surprisal than what never happened in a thousand.

        :param own: how often the window's shape was counted; it is left out of what it is compared with.
        """
        value = self.unusual_value(window, own)
        return max(self._of_counts(window, own), -log10(value.share) if value else 0.0)

    def unusual_value(self, window: Window, own: int = 0) -> UnusualValue | None:
        """The value of a window that deviates most from the usual ones of its event; None where none does.

        :param own: how often the window's shape was counted; the window's own values were counted once at most.
        """
        return min(self._values.deviations(window, min(own, 1)), key=lambda each: each.share, default=None)

    def deviations(self, window: Window, own: int = 0) -> Iterator[Deviation]:
        """The deviations of a window without its values (see `Cooccurrence.deviations`)."""
        return self._cooccurrence.deviations(window, own)

    def typical_count(self, template: str) -> int | None:
        """The number of lines of an event in a usual window (see `Cooccurrence.typical_count`)."""
        return self._cooccurrence.typical_count(template)

    def text(self, template: str) -> str | None:
        """The text of a counted template, cut; None where it is not kept."""
        return self._texts.get(template)

    def rarities(self, window: Window, own: int = 0) -> list[float]:
        """The rarity of each event of a window (see `Frequencies.rarity`)."""
        return [self.frequencies.rarity(event.template, own) for event in window.events]

    def risk_difference(self, template: str) -> float:
        """The greatest risk difference of an event (see `Cooccurrence.risk_difference`)."""
        return self._cooccurrence.risk_difference(template)

    def pack(self) -> bytes:
        """The counts of the most frequent templates, compressed."""
        events = dict(self.frequencies.events.most_common(PACKED_TEMPLATES))
        values = self._values.tables(events, PACKED_SERIES)
        texts = {template: text for template in events if (text := self.text(template)) is not None}
        packed = _PackedProfile(self.windows, events, self._cooccurrence.tables(PACKED_TEMPLATES), texts, values)
        return zlib.compress(msgspec.msgpack.encode(packed))

    @classmethod
    def unpack(cls, data: bytes) -> SystemProfile:
        """A profile that was packed.

        :raises ModelError: the bytes are no packed profile.
        """
        try:
            packed = msgspec.msgpack.decode(decompress(data, MAX_UNPACKED_BYTES), type=_PackedProfile)
            cooccurrence = Cooccurrence.of(packed.cooccurrence)
            return cls(
                Frequencies(packed.windows, packed.events), cooccurrence, ValueRanges.of(packed.values), packed.texts
            )
        except (zlib.error, msgspec.MsgspecError, ValueError, IndexError, RecursionError) as error:
            raise ModelError(f"the profile of a release cannot be read: {error}; distil it again") from error

    def _count(self, window: Window, times: int) -> None:
        """Count a window of a shape, so many times."""
        self.frequencies.update({event.template for event in window.events}, times)
        self._cooccurrence.update(window, times)
        self._keep_texts(window)
        if self._generation() != self._age:
            self._drop()

    def _of_shape(self, window: Window, own: int) -> NoveltyFeatures:
        """The features of a window without its values, the same for all windows of its shape."""
        texts = [event.text for event in window.events]
        return novelty_features(self._of_counts(window, own), self.rarities(window, own), texts)

    def _of_counts(self, window: Window, own: int) -> float:
        """The surprisal of a window without its values."""
        return max((-log10(each.share) for each in self.deviations(window, own)), default=0.0)

    def _with_value(self, found: NoveltyFeatures, window: Window, own: int) -> NoveltyFeatures:
        """The features with the surprisal of the window's most unusual value, where it is the greatest deviation."""
        value = self.unusual_value(window, own)
        if value is None:
            return found
        return found._replace(surprisal=max(found.surprisal, -log10(value.share)), value=value)

    def _keep_texts(self, window: Window) -> None:
        for event in window.events:
            if event.template not in self._texts and len(self._texts) < KEPT_TEXTS:
                self._texts[event.template] = event.text[:TEXT_CHARS]

    def _generation(self, more: int = 0) -> int:
        return floor(log(1 + self.windows + more) / log(CACHE_GROWTH))

    def _drop(self) -> None:
        self._cache, self._age = BoundedCache(CACHED_SHAPES), self._generation()
