"""The cache of parsed lines by shape: lines that differ in digits and identifiers alone share an entry.

Most of a stream is parsed by a look-up.

**Digits.** A shape is a line with every digit as `0`. Whatever the parser does by a line's form (header, session key,
built-in masks) is the same for all lines of a shape, so long as no expression distinguishes digits. `0x`, the one
place where the built-in masks do, must be where it was. A shape is only cached where that holds, and no digit of its
line is left in the masked text.

Session keys are found in the line, once, and masked in the content by their places: the content, the matches and so
what of them lies in the content or in the component's name are at the same places in all lines of a shape. A key is
masked by its value as well; that of another line of the shape differs in digits alone, so it is in the masked text,
which has no digit, only where this one's is, and then the shape is not cached. The time and the header's fields are
places too. What surrounds a key is no digit, and neither trimming nor the choice of its spelling distinguishes
digits. A line whose fields are decoded, from JSON or CSV, is not cached: an escape or a number may differ by a digit.

**Codes.** Which places of a line may have a code does not depend on its digits (`parsing.codes`); which of them are
codes depends on their own text. So the lines of a shape with such places have one result if these texts are the same:
they are a second key. The digits that are left in the masked text are all there, in its constant tokens.

**Identifiers.** In a UUID of lower-case letters each hexadecimal digit may be another as well, if the UUID is *free*
and masked whole. Take two lines that differ in the digits of such a UUID, at places `s` to `e`:

1. The header splits both at the same places, and not in the UUID: to it that is a run of no blanks, and its literals
   are the same and have no `-` but between blanks. A field that may hold blanks, or be missing, ends at the same
   literals. A preset and a header's regular expression may look into the UUID: there only the digits may differ.
2. The session's expression matches the line at the same places, all its matches, by `regex_invariance`: the UUID is
   free, so no letter comes before it.
3. No built-in mask but PATH reaches from before `s` into the UUID, nor looks there with another outcome. Of what may
   come before a free UUID (not `.,:+`, nor `-` as a sign or an exponent's), a date has `-` and `/`, a time a blank and
   `-`, a UUID `-`, an address `/`, and PATH many; all but PATH fail on eight digits with no other character among
   them, whichever they are. PATH takes any of them, and as many as there are, so all of the UUID.
4. So the masks come to `s` in both lines or in none. At `s` the UUID mask is the first of the built-in ones and takes
   all of it, for no letter or digit comes behind. Where the session's match or a PATH has `s` instead, it ends at the
   same place in both; that it has all of the UUID is checked when the line is cached.
5. Behind `e` the masks look back on a letter or digit, whichever. NUM alone asks for a digit before a dot, so no dot
   with more behind it comes after a free UUID.

So both lines have the same masked text. Their keys stand at the same place, hold the UUID whole or not at all, and
are not in the masked text, which has none. The cache key is the line without its free UUIDs, with its digits as `0`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from msgspec import Struct

from fusionlog.parsing.headers import Fields, Header
from fusionlog.parsing.masks import Masks
from fusionlog.parsing.quantities import Place
from fusionlog.parsing.regex_invariance import DIGITS, HEX_DIGITS, is_invariant
from fusionlog.parsing.session_keys import KeyMatch, canonical
from fusionlog.parsing.templates import CONSTANT, MatchedCluster
from fusionlog.utils.bounded_cache import BoundedCache

MAX_CACHED_CHARS = 1_000
CACHED_LINES = 20_000
TRIED_LINES = 500
MISSED_LINES = 10_000
RESTED_LINES, MOST_RESTED_LINES = 4_000, 64_000
LEAST_KNOWN, MOSTLY_KNOWN = 0.5, 0.95
"""The shares of lines from which on the cache brings more than it costs, and a shape is cached when it first comes."""
TIMES_MET = 3
"""Else a shape is cached when it comes again so many times: to cache it costs as much as five to ten lines bring."""

_UUID_ZEROS = b"00000000-0000-0000-0000-000000000000"
_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_HEX_ZEROS = bytes.maketrans(b"123456789abcdef", b"000000000000000")
_CLOSED, _BRACKET = 1, 2
_FIRST = bytes(_CLOSED if each <= ord(" ") or each in b'{"' else _BRACKET * (each in b"[") for each in range(256))
"""By the first byte of a record: whether it may be an envelope, or a list of some if the next is one of `_LISTS`."""
_LISTS = (b"", b" ", b"{", b"[", b'"', b"\n")
_DIGIT = re.compile("[0-9]")
_UUID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_FREE = re.compile(rf"(?:(?<![A-Za-z0-9.,:+-])|(?<=[A-Za-z0-9]-)(?<![0-9][eE]-)){_UUID.pattern}(?![A-Za-z0-9]|\.\S)")
_CONSTANT_TOKENS = re.compile(rf"(?<!\S){CONSTANT}\S*")
_REWRITTEN, _LINE_BREAKS = ("\x00", "\x1b"), ("\r", "\n")
"""Where a line may not be what its record holds: a record with a NUL may be binary, colours and line breaks go."""

Layout = Callable[[bytes], Any]
"""Some parts of a line, a tuple of bytes, or bytes: those between its free UUIDs, or those that may have codes."""

CodePlace = tuple[int, int, int, int]
"""A place of a line that may have a code: its token from, to; the code from, to."""


class CachedLine(Struct, gc=False):
    """The parsing result of a shape: the outcome of mining, the event's id and text, and the places in a line.

    `keys` are the places of its session keys, `stamp` those of its time, `quantities` those of its durations and other
    magnitudes; `matched`: whether it has the header; `settled`: whether it begins a line whatever comes before it, so
    that it may be recalled, None until a record of the shape comes: most shapes of a stream that repeats little come
    once. What follows is derived by `LineCache.put`: the place of the first key; whether an event of the shape has no
    more than that key; the number of `0x` in a line; whether an event has no more than that key and quantities.
    """

    standing: MatchedCluster
    id: str
    text: str
    keys: tuple[slice, ...] = ()
    stamp: tuple[slice, ...] = ()
    matched: bool = True
    settled: bool | None = None
    key: slice | None = None
    bare: bool = False
    prefixes: int = 0
    is_direct: bool = False
    codes: Layout | None = None
    measured: bool = False
    quantities: tuple[Place, ...] = ()


class LineParts(Struct, frozen=True, gc=False):
    """The parts of a parsed line: its header, the masked content and component, and the keys in the content.

    `is_free`: whether the content surely has no place for a code; `fields` are the places of its header's fields that
    may have codes.
    """

    line: str
    header: Fields
    content: str
    masked: str
    component: str | None
    keys: Sequence[KeyMatch] = ()
    is_free: bool = False
    fields: Sequence[CodePlace] = ()


_Key = bytes | tuple[bytes, ...]
_Shapes = BoundedCache[_Key | tuple[_Key, bytes | tuple[bytes, ...]], CachedLine]


class LineCache:
    """The shapes of one system's lines; none where an expression of the system may distinguish digits.

    Lines that lack the header, or have several parts, are cached apart: a record of such a shape may be one of the
    parts of a line, not a whole one.
    """

    def __init__(self, header: Header, session: str | None, kept: Sequence[str], own_masks: bool, masks: Masks) -> None:
        expressions = [session or "", *kept]
        self.usable = not own_masks and _takes_any_digit(header) and _are_invariant(expressions, DIGITS)
        self._identifiers = _are_invariant(expressions, HEX_DIGITS) and _splits_none(header)
        self._masks = masks
        self._cache: _Shapes = BoundedCache(CACHED_LINES)
        self._rest: _Shapes | None = None
        self._layouts: BoundedCache[bytes, Layout] = BoundedCache(CACHED_LINES)
        self._met: dict[int, int] = {}
        self._found = self._missed = self._again = 0
        self.rests = 0
        """Lines for which the cache is not used."""
        self._rest_lines = RESTED_LINES
        self._is_good, self._is_tried = False, True

    def is_worth(self, line: str, can_hold: bool) -> bool:
        """Count a line that was parsed in full; whether its shape, if it can be cached, is worth it.

        Where fewer than `LEAST_KNOWN` of `TRIED_LINES` lines had the shape of an earlier one, the cache rests for
        `RESTED_LINES` lines, each time for twice as many. Lines are counted while the cache is tried: at first, behind
        a rest, and each `MISSED_LINES` lines that it did not find.
        """
        self._missed += 1
        if self._missed + self._found >= TRIED_LINES and self._is_tried:
            self._judge(self._found + self._again)
        elif self._missed >= MISSED_LINES:
            self._is_tried, self._missed, self._found, self._again = True, 0, 0, 0
        if not can_hold or len(line) > MAX_CACHED_CHARS or not line.isascii():
            return False
        if self._is_good and not self._is_tried:
            return True
        value = line.encode()
        shape = value.translate(_HEX_ZEROS)
        if _UUID_ZEROS not in shape:
            shape = value.translate(_ZEROS)
        met = hash(shape)
        times = self._met.get(met, 0)
        if len(self._met) >= CACHED_LINES:
            self._met.clear()
        self._met[met] = times + 1
        self._again += times > 0
        return self._is_good or times >= TIMES_MET

    def _judge(self, known: int) -> None:
        """Decide by the lines of a trial whether the cache goes on, and when a shape is cached."""
        self._is_good = known >= MOSTLY_KNOWN * TRIED_LINES
        self.rests = 0 if known >= LEAST_KNOWN * TRIED_LINES else self._rest_lines
        self._rest_lines = min(2 * self._rest_lines, MOST_RESTED_LINES) if self.rests else RESTED_LINES
        self._is_tried = not self._is_good
        self._missed = self._found = self._again = 0

    def get(self, line: str) -> CachedLine | None:
        """The parsing result of a line's shape, None where it is not cached."""
        if self.rests or len(line) > MAX_CACHED_CHARS or not line.isascii():
            self.rests -= self.rests > 0
            return None
        value = line.encode()
        return self._find(value, self._cache) or (self._find(value, self._rest) if self._rest is not None else None)

    def of_record(self, value: bytes) -> CachedLine | None:
        """The parsing result of a raw record that is, byte for byte, a line of a cached shape; else None.

        A record that begins with a brace or a quote may be an envelope, and one that begins with two such characters a
        list. Any other record with a cached shape is a bare line. Where it has no header it may continue another one.
        """
        if not value or self.rests or len(value) > MAX_CACHED_CHARS:
            return None
        first = _FIRST[value[0]]
        if first and (first == _CLOSED or value[1:2] in _LISTS):
            return None
        return self._find(value, self._cache)

    @staticmethod
    def can_hold(masked: str, component: str | None) -> bool:
        """Whether no digit is left of a line but for those of its codes."""
        if _DIGIT.search(masked) and _DIGIT.search(_CONSTANT_TOKENS.sub("", masked)):
            return False
        return component is None or _DIGIT.search(component) is None

    def put(self, parts: LineParts, shape: CachedLine) -> None:
        """Cache the shape of a line that is worth it, where every line of it has the same result.

        With a digit left in the masked text, or with a place left that may be the key of another line of the shape,
        nothing is cached.
        """
        line, masked, start = parts.line, parts.masked, parts.header.start
        if start is None or line.endswith(_LINE_BREAKS) or any([each in line for each in _REWRITTEN]):
            return
        value = line.encode()
        zeros, prefixes = value.translate(_ZEROS), value.count(b"0x")
        if CONSTANT in masked:
            masked = _CONSTANT_TOKENS.sub("", masked)
        for place in shape.keys:
            if line[place] in masked:
                return
        if prefixes != zeros.count(b"0x") or b"0X" in zeros:
            return
        found = () if parts.is_free else self._masks.code_places(parts.content, parts.keys, start)
        codes = [*found, *parts.fields]
        hex_zeros = value.translate(_HEX_ZEROS)
        layout = self._layout(parts, codes, shape.keys) if _UUID_ZEROS in hex_zeros else None
        if layout is not None:
            self._layouts.put(hex_zeros, layout)
        cache = self._cache
        if not shape.matched or "\n" in line:
            cache = self._rest = self._rest or BoundedCache(CACHED_LINES)
        shape.prefixes = prefixes
        _derive(line, shape)
        key = layout(zeros) if layout else zeros
        if codes:
            shape.is_direct = False
            their = _code_layout(codes)
            cache.put(key, CachedLine(shape.standing, shape.id, shape.text, prefixes=prefixes, codes=their))
            cache.put((key, their(value)), shape)
        else:
            cache.put(key, shape)

    def forget(self) -> None:
        """Empty the cache."""
        self._cache, self._rest = BoundedCache(CACHED_LINES), None

    def _find(self, value: bytes, cache: _Shapes) -> CachedLine | None:
        shape = cache.get(value.translate(_ZEROS))
        if shape is not None and shape.is_direct and not self._is_tried:
            return shape
        return self._find_apart(value, cache, shape)

    def _find_apart(self, value: bytes, cache: _Shapes, shape: CachedLine | None) -> CachedLine | None:
        """The result of a line whose shape has UUIDs, `0x` or codes, or is counted."""
        key: _Key = value.translate(_ZEROS)
        if shape is None and len(self._layouts):
            layout = self._layouts.get(value.translate(_HEX_ZEROS))
            if layout is not None:
                key = layout(value.translate(_ZEROS))
                shape = cache.get(key)
        if shape is None or (shape.prefixes and shape.prefixes != value.count(b"0x")):
            return None
        if shape.codes is not None:
            shape = cache.get((key, shape.codes(value)))
            if shape is None:
                return None
        self._found += 1
        return shape

    def _layout(self, parts: LineParts, codes: Sequence[CodePlace], keys: Sequence[slice]) -> Layout | None:
        """The part of a line to compare when its UUIDs may be others; None where it has none, or they may not."""
        free = [found.span() for found in _FREE.finditer(parts.line)] if self._identifiers else []
        if not free or "<" in (parts.component or "") or _UUID.search(parts.masked):
            return None
        start, content = parts.header.start or 0, parts.header.content
        masked = self._masks.places(content, parts.keys)
        if not all(_free(span, start, content, masked) and _whole(span, keys) for span in free):
            return None
        if any(first < stop and begin < last for first, last in free for begin, stop, _, _ in codes):
            return None
        bounds = [0, *(place for span in free for place in span), len(parts.line)]
        return itemgetter(*(slice(*pair) for pair in zip(bounds[::2], bounds[1::2], strict=True)))


def _derive(line: str, shape: CachedLine) -> None:
    """Set what follows from a shape and one of its lines."""
    keys = shape.keys
    key = shape.key = keys[0] if keys else None
    shape.is_direct = not shape.prefixes
    alone = len(keys) < 2 and (key is None or canonical(line[key]) == line[key])
    shape.measured = shape.matched and not shape.stamp and alone
    shape.bare = shape.measured and not shape.quantities


def _code_layout(codes: Sequence[CodePlace]) -> Layout:
    """The parts of a line that may have codes: their digits must be the same."""
    return itemgetter(*(slice(start, stop) for _, _, start, stop in codes))


def _are_invariant(expressions: Sequence[str], characters: str) -> bool:
    return all(is_invariant(each, characters) for each in expressions)


def _takes_any_digit(header: Header) -> bool:
    """Whether a header surely splits all lines of a shape at the same places."""
    if header.format is not None:
        return not _DIGIT.search(header.format)
    return all(is_invariant(each, DIGITS) for each in header.expressions)


def _splits_none(header: Header) -> bool:
    """Whether a header surely splits no UUID, and splits at the same places whichever it is."""
    if header.format is None and header.is_set:
        return False
    literals = re.sub(r"<\w+\??>", "|", header.format or "")
    return is_invariant(re.escape(literals), HEX_DIGITS) and not re.search(r"\S-|-\S", literals)


def _free(span: tuple[int, int], start: int, content: str, masked: Sequence[tuple[int, int]]) -> bool:
    """Whether a UUID stands in the header, or is free in the content as well and masked whole."""
    first, last = span[0] - start, span[1] - start
    if last <= 0:
        return True
    return _FREE.match(content, first) is not None and any(a <= first and last <= b for a, b in masked)


def _whole(span: tuple[int, int], keys: Sequence[slice]) -> bool:
    """Whether each key holds all of a UUID, or nothing."""
    first, last = span
    return all(key.stop <= first or last <= key.start or (key.start <= first and last <= key.stop) for key in keys)
