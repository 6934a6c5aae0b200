"""The profile of a system: counts over its unlabelled stream, and the novelty features of a window by them.

Every line of a window can be harmless and the window still anomalous: a step is repeated, a step is missing, nothing
follows the first line, two events meet that never meet. The surprisal of a window is that of its least likely
deviation; its rarities are those of its events.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from math import floor, log, log10

import msgspec

from fusionlog.errors import ModelError
from fusionlog.novelty.cooccurrence import Cooccurrence, Deviation, Tables
from fusionlog.novelty.features import NoveltyFeatures, novelty_features
from fusionlog.novelty.frequencies import Frequencies
from fusionlog.records import Window
from fusionlog.utils.bounded_cache import BoundedCache

PACKED_TEMPLATES = 500
"""A release carries the counts of so many templates, the most frequent ones: at most some hundred kB."""
KEPT_TEXTS = 2_000
"""Templates whose text is kept, to name a missing one; each text is cut to `TEXT_CHARS`."""
TEXT_CHARS = 200
CACHED_SHAPES = 50_000
CACHE_GROWTH = 1.1
"""The cache of features is emptied each time that the number of windows has grown by this factor."""


class _PackedProfile(msgspec.Struct, frozen=True):
    windows: int
    events: dict[str, int]
    cooccurrence: Tables
    texts: dict[str, str] = {}


class SystemProfile:
    """Frequencies and co-occurrences of a system's events, and windows' features by them. For one thread at a time.

    The features of a shape are cached in one place, with one rule: all are dropped when the number of windows has grown
    by `CACHE_GROWTH`, and after a merge.
    """

    def __init__(
        self, frequencies: Frequencies | None = None, cooccurrence: Cooccurrence | None = None,
        texts: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.frequencies, self._cooccurrence = frequencies or Frequencies(), cooccurrence or Cooccurrence()
        self._texts = dict(texts or {})
        self._cache: BoundedCache[str, NoveltyFeatures] = BoundedCache(CACHED_SHAPES)
        self._age = self._generation()

    @property
    def windows(self) -> int:
        """The number of windows counted."""
        return self.frequencies.windows

    def update(self, window: Window, times: int = 1) -> None:
        """Count a window, or several of one shape at once."""
        self.frequencies.update({event.template for event in window.events}, times)
        self._cooccurrence.update(window, times)
        self._keep_texts(window)
        if self._generation() != self._age:
            self._drop()

    def merge(self, other: SystemProfile) -> None:
        """Take over the counts of another profile of the same system, where it has counted more windows.

        Not the sum: both counted one stream, so a sum would count windows twice. `other` must not be used any more.
        """
        if other.windows > self.windows:
            self.frequencies, self._cooccurrence = other.frequencies, other._cooccurrence
            self._texts |= other._texts
            self._drop()

    def features(self, window: Window) -> NoveltyFeatures:
        """The novelty features of a window, cached by its shape."""
        found = self._cache.get(window.shape)
        if found is None:
            found = self.compute_features(window)
            self._cache.put(window.shape, found)
        return found

    def compute_features(self, window: Window, own: int = 0) -> NoveltyFeatures:
        """The novelty features of a window, not cached.

        :param own: how often the window itself was counted; it is left out of what it is compared with.
        """
        texts = [event.text for event in window.events]
        return novelty_features(self.surprisal(window, own), self.rarities(window, own), texts)

    def surprisal(self, window: Window, own: int = 0) -> float:
        """-log10 of the share of the comparable windows that deviate as this one does; of its greatest deviation.

        0 where nothing deviates or nothing is known; 2 is one window in a hundred. Shares are (1 + k) / (1 + n), so
        that what never happened in ten windows has less surprisal than what never happened in a thousand.

        :param own: how often the window itself was counted; it is left out of what it is compared with.
        """
        return max((-log10(each.share) for each in self.deviations(window, own)), default=0.0)

    def deviations(self, window: Window, own: int = 0) -> Iterator[Deviation]:
        """The deviations of a window (see `Cooccurrence.deviations`)."""
        return self._cooccurrence.deviations(window, own)

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
        texts = {template: text for template in events if (text := self.text(template)) is not None}
        packed = _PackedProfile(self.windows, events, self._cooccurrence.tables(PACKED_TEMPLATES), texts)
        return zlib.compress(msgspec.msgpack.encode(packed))

    @classmethod
    def unpack(cls, data: bytes) -> SystemProfile:
        """A profile that was packed.

        :raises ModelError: the bytes are no packed profile.
        """
        try:
            packed = msgspec.msgpack.decode(zlib.decompress(data), type=_PackedProfile)
            cooccurrence = Cooccurrence.of(packed.cooccurrence)
        except (zlib.error, msgspec.MsgspecError, ValueError, IndexError) as error:
            raise ModelError(f"the profile of a release cannot be read: {error}; distil it again") from error
        return cls(Frequencies(packed.windows, packed.events), cooccurrence, packed.texts)

    def _keep_texts(self, window: Window) -> None:
        for event in window.events:
            if event.template not in self._texts and len(self._texts) < KEPT_TEXTS:
                self._texts[event.template] = event.text[:TEXT_CHARS]

    def _generation(self) -> int:
        return floor(log(1 + self.windows) / log(CACHE_GROWTH))

    def _drop(self) -> None:
        self._cache, self._age = BoundedCache(CACHED_SHAPES), self._generation()
