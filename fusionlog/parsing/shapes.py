"""Lines that differ in their digits alone, remembered together: most of a stream is parsed by one look-up.

A shape is a line with every digit as `0`. Whatever the parser does by a line's form (header, session key, built-in
masks) it does alike for all lines of a shape, so long as no expression tells one digit from another. A shape is only
remembered where that holds and no digit of its line is left in what was masked.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from fusionlog.parsing.memo import Memo
from fusionlog.parsing.templates import Standing

MAX_SHAPE_CHARS = 1_000
SHAPES = 20_000

_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_BLANK, _BRACE = ord(" "), ord("{")
_DIGIT = re.compile("[0-9]")
_HEX_PREFIX = re.compile(b"0[xX]")
"""The one place where the built-in masks tell digits apart: `0x` begins a hexadecimal number, `1x` does not."""

_ALIKE = re.compile(
    r"(?:\\[dDwWsSbB]|\\[^0-9A-Za-z]|[^\\\[\]{}0-9]|\{[0-9]+(?:,[0-9]*)?\}"
    r"|\[\^?(?:(?<!-)0-9|\\[dDwWsS]|\\[^0-9A-Za-z]|[^\\\[\]0-9])*\])*"
)


_REWRITTEN = re.compile(r"[\x00\x1b]|[\r\n]\Z")
"""Where a line may not be what its record holds: a record with a NUL may be binary, colours and line breaks go."""


class Shape(NamedTuple):
    """What lines of a shape come to: the outcome of mining, the event's id and text, and where their key stands."""

    standing: Standing
    id: str
    text: str
    key: slice | None


class Shapes:
    """The shapes of one system's lines; none where an expression of the system may tell digits apart."""

    def __init__(self, header: str | None, session: str | None, own_masks: bool) -> None:
        self.usable = not (own_masks or _DIGIT.search(header or "")) and digits_alike(session or "")
        self._memo: Memo[bytes, Shape] = Memo(SHAPES)

    def get(self, line: str) -> Shape | None:
        """What lines of this one's shape came to, None where that is not known."""
        if not self.usable or len(line) > MAX_SHAPE_CHARS or not line.isascii():
            return None
        return self._memo.get(shape_of(line))

    def of_record(self, value: bytes) -> Shape | None:
        """What a raw record comes to that is, byte for byte, a line of a shape that is known; None where it may not be.

        A record that begins with a brace may be an envelope. All else that is in the memo is read as it stands.
        """
        if not value or len(value) > MAX_SHAPE_CHARS or value[0] <= _BLANK or value[0] == _BRACE:
            return None
        return self._memo.get(value.translate(_ZEROS))

    def put(self, line: str, masked: str, component: str | None, shape: Shape) -> None:
        """Remember a line's shape, where every line of it comes to the same.

        :param masked: the line's content as Drain3 saw it; with a digit left in it, or in the component, or with a
            place left that may be the session key of another line of the shape, nothing is remembered.
        """
        if not self.usable or len(line) > MAX_SHAPE_CHARS or not line.isascii() or _REWRITTEN.search(line):
            return
        zeros = shape_of(line)
        key = line[shape.key] if shape.key else None
        left = key is not None and _DIGIT.sub("0", key) in masked
        if not (left or _HEX_PREFIX.search(zeros) or _DIGIT.search(masked) or _DIGIT.search(component or "")):
            self._memo.put(zeros, shape)

    def forget(self) -> None:
        """Forget all of them."""
        self._memo = Memo(SHAPES)


def shape_of(line: str) -> bytes:
    """A line with every ASCII digit as `0`."""
    return line.encode("utf-8", "surrogatepass").translate(_ZEROS)


def digits_alike(pattern: str) -> bool:
    """Whether a regular expression surely treats all digits alike: it names none but in `0-9` and in repetitions."""
    return _ALIKE.fullmatch(pattern) is not None
