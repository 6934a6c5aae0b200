"""Contents of lines to masked contents: those that differ in digits alone are masked once.

The key is the content's shape: `<KEY>` for each session key, every other digit as 0. Where digits decide (a place for a
code, a word with digits), the texts of those tokens are a second key. Which tokens they are depends on no digit, and
the built-in masks distinguish none but in `0x` (see `token_memo`). A system with masks of its own or `keep`, whose
expressions may, has no memo; nor has a content of which more than tokens was looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from msgspec import Struct

from fusionlog.parsing.digits import zeroed
from fusionlog.parsing.events import KnownEvent
from fusionlog.parsing.key_places import key_text
from fusionlog.parsing.masks import Masks
from fusionlog.parsing.quantities import Place
from fusionlog.parsing.quantity_memo import Rule
from fusionlog.parsing.session_keys import KeyMatch
from fusionlog.parsing.templates import MatchedCluster
from fusionlog.utils.bounded_cache import BoundedCache

CACHED_CONTENTS = 20_000
MAX_CACHED_CHARS = 1_000
TRIED_LINES, RESTED_LINES, MOST_RESTED_LINES = 1_000, 2_000, 64_000
LEAST_FOUND = 0.2
"""The share of contents from which on the memo brings more than it costs."""


class Outcome(NamedTuple):
    """What all lines of a component and a masked content have in common: the event, and where they have quantities.

    It is valid as long as the match stands; None: mining changed something.
    """

    standing: MatchedCluster | None
    event: KnownEvent
    rule: Rule


class KnownContent(Struct, gc=False):
    """A masked content, and what its lines come to by component: the outcome, and where they have quantities.

    `is_free`: whether it surely has no place for a code. `texts` gives the texts that are the second key; `is_met`:
    whether a second line has come.
    """

    masked: str
    is_free: bool = False
    texts: Callable[[Sequence[str]], Any] | None = None
    outcome: Outcome | None = None
    is_met: bool = False
    places: tuple[Place, ...] | None = None


class ContentMemo:
    """The masked contents of one system.

    Where fewer than `LEAST_FOUND` of `TRIED_LINES` contents were found it rests, each time for twice as many.
    """

    def __init__(self, masks: Masks, usable: bool) -> None:
        self._masks, self._usable = masks, usable and masks.has_shapes
        self._cache: BoundedCache[object, KnownContent] = BoundedCache(CACHED_CONTENTS)
        self._rests, self._rest_lines = 0, RESTED_LINES
        self._found = self._missed = 0

    def find(self, content: str, keys: Sequence[KeyMatch], component: str | None, codes: str) -> KnownContent:
        """The masked content with the codes of the line's fields behind it, for lines of a component.

        :param keys: the matches of the session's expression in the content.
        """
        if self._rests or not self._usable or len(content) > MAX_CACHED_CHARS:
            self._rests -= self._rests > 0
            return KnownContent(self._masks.mask_content(content, keys) + codes)
        shown = key_text(content, keys) if keys else content
        shape = zeroed(shown)
        key = (shape, component, codes, _extents(keys) if keys else None)
        known = self._cache.get(key)
        if known is not None and known.texts is not None:
            known = self._cache.get((key, known.texts(shown.split())))
        if known is None:
            return self._add(content, keys, shown, key)
        self._found += 1
        return known

    def forget(self) -> None:
        """Empty the memo."""
        self._cache = BoundedCache(CACHED_CONTENTS)

    def _add(
        self, content: str, keys: Sequence[KeyMatch], shown: str, key: tuple[str, str | None, str, object]
    ) -> KnownContent:
        self._missed += 1
        if self._missed + self._found >= TRIED_LINES:
            self._rests = self._rest_lines if self._found < LEAST_FOUND * TRIED_LINES else 0
            self._rest_lines = min(2 * self._rest_lines, MOST_RESTED_LINES) if self._rests else RESTED_LINES
            self._found = self._missed = 0
        masked = self._masks.mask_shown(content, keys, shown, key[0])
        decisive, known = masked.decisive, KnownContent(masked.text + key[2], masked.decisive == ())
        if decisive:
            texts = itemgetter(*decisive)
            self._cache.put(key, KnownContent("", False, texts))
            self._cache.put((key, texts(shown.split())), known)
        elif decisive is not None:
            self._cache.put(key, known)
        return known


def _extents(keys: Sequence[KeyMatch]) -> tuple[int, ...]:
    """Where the keys stand in the text with `<KEY>` for each, and how far their matches reach beyond them."""
    if len(keys) == 1:
        first, last, key, stop = keys[0]
        return first, key, last - stop
    extents: list[int] = []
    by = 0
    for first, last, key, stop in keys:
        extents += (first - by, key - by, last - stop)
        by += stop - key - len("<KEY>")
    return tuple(extents)
