"""The cache of parsed lines by shape: lines that differ in digits and identifiers alone share an entry.

Most of a stream is parsed by a look-up.

**Digits.** A shape is a line with every digit as `0`. Whatever the parser does by a line's form (header, session key,
built-in masks) is the same for all lines of a shape, so long as no expression distinguishes digits. `0x`, the one
place where the built-in masks do, must be where it was. A shape is only cached where that holds, and no digit of its
line is left in the masked text.

**Identifiers.** In a UUID of lower-case letters each hexadecimal digit may be another as well, if the UUID is *free*
and masked whole. Take two lines that differ in the digits of such a UUID, at places `s` to `e`:

1. The header splits both at the same places, and not in the UUID: to it that is a run of no blanks, and its literals
   are the same and have no `-` but between blanks.
2. The session's expression matches at the same places, by `regex_invariance`: the UUID is free, so no letter comes
   before it.
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
from typing import NamedTuple

from fusionlog.parsing.masks import Masks
from fusionlog.parsing.regex_invariance import DIGITS, HEX_DIGITS, is_invariant
from fusionlog.parsing.templates import MatchedCluster
from fusionlog.utils.bounded_cache import BoundedCache

MAX_CACHED_CHARS = 1_000
CACHED_LINES = 20_000

_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_HEX_ZEROS = bytes.maketrans(b"123456789abcdef", b"000000000000000")
_BLANK, _BRACE = ord(" "), ord("{")
_DIGIT = re.compile("[0-9]")
_UUID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_FREE = re.compile(rf"(?:(?<![A-Za-z0-9.,:+-])|(?<=[A-Za-z0-9]-)(?<![0-9][eE]-)){_UUID.pattern}(?![A-Za-z0-9]|\.\S)")
_REWRITTEN = re.compile(r"[\x00\x1b]|[\r\n]\Z")
"""Where a line may not be what its record holds: a record with a NUL may be binary, colours and line breaks go."""

Layout = Callable[[bytes], tuple[bytes, ...]]
"""The parts of a line between its free UUIDs."""


class CachedLine(NamedTuple):
    """The parsing result of a shape: the outcome of mining, the event's id and text, and the place of the session key.

    `prefixes` is the number of `0x` in a line.
    """

    standing: MatchedCluster
    id: str
    text: str
    key: slice | None
    prefixes: int = 0


class LineParts(NamedTuple):
    """The parts of a parsed line: the content, its masked text, and the masked name of its component."""

    line: str
    content: str
    masked: str
    component: str | None


class LineCache:
    """The shapes of one system's lines; none where an expression of the system may distinguish digits."""

    def __init__(self, header: str | None, session: str | None, own_masks: bool, masks: Masks) -> None:
        literals = re.sub(r"<\w+>", "|", header or "")
        self.usable = not (own_masks or _DIGIT.search(header or "")) and is_invariant(session or "", DIGITS)
        self._identifiers = is_invariant(session or "", HEX_DIGITS) and _splits_none(literals)
        self._masks = masks
        self._cache: BoundedCache[bytes | tuple[bytes, ...], CachedLine] = BoundedCache(CACHED_LINES)
        self._layouts: BoundedCache[bytes, Layout] = BoundedCache(CACHED_LINES)

    def get(self, line: str) -> CachedLine | None:
        """The parsing result of a line's shape, None where it is not cached."""
        if not self.usable or len(line) > MAX_CACHED_CHARS or not line.isascii():
            return None
        return self._find(line.encode("ascii"))

    def of_record(self, value: bytes) -> CachedLine | None:
        """The parsing result of a raw record that is, byte for byte, a line of a cached shape; else None.

        A record that begins with a brace may be an envelope. Any other record with a cached shape is a bare line.
        """
        if not value or len(value) > MAX_CACHED_CHARS or value[0] <= _BLANK or value[0] == _BRACE:
            return None
        return self._find(value)

    def put(self, parts: LineParts, shape: CachedLine) -> None:
        """Cache a line's shape, where every line of it has the same result.

        With a digit left in the masked text, or with a place left that may be the key of another line of the shape,
        nothing is cached.
        """
        line, masked = parts.line, parts.masked
        if not self.usable or len(line) > MAX_CACHED_CHARS or not line.isascii() or _REWRITTEN.search(line):
            return
        value = line.encode("ascii")
        zeros, prefixes = value.translate(_ZEROS), value.count(b"0x")
        key = line[shape.key] if shape.key else None
        left = key is not None and key in masked
        if left or _DIGIT.search(masked) or _DIGIT.search(parts.component or ""):
            return
        if prefixes != zeros.count(b"0x") or b"0X" in zeros:
            return
        layout = self._layout(parts, shape.key)
        if layout is not None:
            self._layouts.put(value.translate(_HEX_ZEROS), layout)
        self._cache.put(layout(zeros) if layout else zeros, shape._replace(prefixes=prefixes))

    def forget(self) -> None:
        """Empty the cache."""
        self._cache = BoundedCache(CACHED_LINES)

    def _find(self, value: bytes) -> CachedLine | None:
        zeros = value.translate(_ZEROS)
        shape = self._cache.get(zeros)
        if shape is None and len(self._layouts):
            layout = self._layouts.get(value.translate(_HEX_ZEROS))
            shape = self._cache.get(layout(zeros)) if layout else None
        if shape is None or (shape.prefixes and shape.prefixes != value.count(b"0x")):
            return None
        return shape

    def _layout(self, parts: LineParts, key: slice | None) -> Layout | None:
        """The part of a line to compare when its UUIDs may be others; None where it has none, or they may not."""
        free = [found.span() for found in _FREE.finditer(parts.line)] if self._identifiers else []
        if not free or "<" in (parts.component or "") or _UUID.search(parts.masked):
            return None
        start = len(parts.line.rstrip()) - len(parts.content)
        masked = self._masks.places(parts.content)
        if not all(_free(span, start, parts.content, masked) and _whole(span, key) for span in free):
            return None
        bounds = [0, *(place for span in free for place in span), len(parts.line)]
        return itemgetter(*(slice(*pair) for pair in zip(bounds[::2], bounds[1::2], strict=True)))


def _splits_none(literals: str) -> bool:
    """Whether a header with these literals surely splits no UUID, and splits at the same places whichever it is."""
    return is_invariant(re.escape(literals), HEX_DIGITS) and not re.search(r"\S-|-\S", literals)


def _free(span: tuple[int, int], start: int, content: str, masked: Sequence[tuple[int, int]]) -> bool:
    """Whether a UUID stands in the header, or is free in the content as well and masked whole."""
    first, last = span[0] - start, span[1] - start
    if last <= 0:
        return True
    return _FREE.match(content, first) is not None and any(a <= first and last <= b for a, b in masked)


def _whole(span: tuple[int, int], key: slice | None) -> bool:
    """Whether the key holds all of a UUID, or nothing."""
    return key is None or key.stop <= span[0] or span[1] <= key.start or (key.start <= span[0] and span[1] <= key.stop)
