"""Contents of lines to masked contents: those that differ in digits, or in what comes once, are masked once.

| a content's | is | and is found by |
|---|---|---|
| shape | `<KEY>` for each session key, each other digit as 0 | one look-up |
| forms | those of its tokens: `<PATH>` for a path (see `token_memo`) | a look-up a token, and one |

Where the text of a token decides (a place for a code, a word with digits, an identifier near what opens a context),
these texts are a second key. Which tokens they are depends on the forms alone. A system with masks of its own or
`keep`, whose expressions may distinguish digits, has no memo.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from msgspec import Struct

from fusionlog.parsing.digits import zeroed
from fusionlog.parsing.events import KnownEvent
from fusionlog.parsing.key_places import key_text
from fusionlog.parsing.masks import Masks, readable
from fusionlog.parsing.quantity_memo import Rule
from fusionlog.parsing.session_keys import KeyMatch
from fusionlog.parsing.templates import MatchedCluster
from fusionlog.utils.bounded_cache import BoundedCache

CACHED_CONTENTS = 10_000
MAX_CACHED_CHARS = 1_000
TRIED_LINES, RESTED_LINES, MOST_RESTED_LINES = 500, 4_000, 64_000
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
    """A masked content, and what its lines come to by component.

    `is_free`: whether it surely has no place for a code.
    """

    masked: str
    is_free: bool = False
    outcome: Outcome | None = None


_FormKey = tuple[str, str | None, str]


class _Form(Struct, gc=False):
    """The contents of equal forms: one, or by the `texts` of the tokens that decide."""

    key: _FormKey
    known: KnownContent | None = None
    texts: Callable[[Sequence[str]], Any] | None = None


class ContentMemo:
    """The masked contents of one system.

    Where fewer than `LEAST_FOUND` of `TRIED_LINES` contents were found by their shapes, these are not looked for, each
    time for twice as many lines.

    :param mask: masks a content where there is no memo.
    """

    def __init__(self, masks: Masks, usable: bool, mask: Callable[[str, Sequence[KeyMatch]], str]) -> None:
        self._masks, self._usable, self._mask = masks, usable and masks.has_shapes, mask
        self._rests, self._rest_lines = 0, RESTED_LINES
        self._found = self._missed = 0
        self.forget()

    def forget(self) -> None:
        """Empty the memo."""
        self._shapes: BoundedCache[object, _Form] = BoundedCache(CACHED_CONTENTS)
        self._forms: BoundedCache[_FormKey, _Form] = BoundedCache(CACHED_CONTENTS)
        self._by_texts: BoundedCache[tuple[_FormKey, object], KnownContent] = BoundedCache(CACHED_CONTENTS)

    def find(self, content: str, keys: Sequence[KeyMatch], component: str | None, codes: str) -> KnownContent:
        """The masked content with the codes of the line's fields behind it, for lines of a component.

        :param keys: the matches of the session's expression in the content.
        """
        if not self._usable or len(content) > MAX_CACHED_CHARS:
            return KnownContent(self._mask(content, keys) + codes)
        if not content.isascii():
            content = readable(content)
        shown = key_text(content, keys) if keys else content
        if self._rests:
            self._rests -= 1
            return self._by_forms(content, keys, shown, component, codes)[0]
        key = (zeroed(shown), component, codes, _extents(keys) if keys else None)
        form = self._shapes.get(key)
        if form is not None:
            self._found += 1
            known = form.known or (form.texts and self._by_texts.get((form.key, form.texts(shown.split()))))
            if known:
                return known
        known, form = self._by_forms(content, keys, shown, component, codes)
        if form is not None:
            self._shapes.put(key, form)
        self._count()
        return known

    def _by_forms(
        self, content: str, keys: Sequence[KeyMatch], shown: str, component: str | None, codes: str
    ) -> tuple[KnownContent, _Form | None]:
        """The masked content by its forms; `shown` has `<KEY>` for each key."""
        if keys and not self._masks.stand_apart(content, keys):
            return KnownContent(self._masks.mask_whole(content, keys) + codes), None
        forms = self._masks.forms(zeroed(shown))
        key = (" ".join(forms), component, codes)
        form = self._forms.get(key)
        if form is not None:
            known = form.known or (form.texts and self._by_texts.get((key, form.texts(shown.split()))))
            if known:
                return known, form
        masked = self._masks.mask_forms(shown, forms)
        known = KnownContent(masked.text + codes, not masked.decisive)
        if masked.decisive:
            texts = itemgetter(*masked.decisive)
            self._by_texts.put((key, texts(shown.split())), known)
            form = _Form(key, None, texts)
        else:
            form = _Form(key, known)
        self._forms.put(key, form)
        return known, form

    def _count(self) -> None:
        """Count a content that was not found by its shape."""
        self._missed += 1
        if self._missed + self._found >= TRIED_LINES:
            self._rests = self._rest_lines if self._found < LEAST_FOUND * TRIED_LINES else 0
            self._rest_lines = min(2 * self._rest_lines, MOST_RESTED_LINES) if self._rests else RESTED_LINES
            self._found = self._missed = 0


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
