"""The first lines of messages that go over several lines: they begin with a date, and the others with anything."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

SHAPE_CHARS = 10
_DATE = re.compile(
    r"[\[(<\"]?(?:0000[-/.]00[-/.]0|00[-/.]00[-/.]00|00:00:00|aaa [ 0]0 00|00/aaa/00|00 aaa 00|000000 00|00000000 0)"
)
"""The shapes of dates and clocks at the beginning of a line."""
MIN_SHARE, MAX_SHARE = 0.4, 0.97
"""Share of lines with a date: with fewer they are not what a message begins with, with more nothing is to be joined."""


class MultilineGuess(NamedTuple):
    """The expression of first lines, and the share of lines that would continue another."""

    start: str
    continued: float


def guess_multiline(texts: Sequence[str]) -> MultilineGuess | None:
    """The expression of first lines, where about half of the lines or more begin with a date and the rest does not."""
    shapes = Counter(_shape(text) for text in texts)
    if not shapes:
        return None
    shape, count = shapes.most_common(1)[0]
    share = count / len(texts)
    if not _DATE.match(shape) or not MIN_SHARE <= share <= MAX_SHARE:
        return None
    others = [each for each in shapes if each != shape and _DATE.match(each)]
    if sum(shapes[each] for each in others) > (1 - MAX_SHARE) * len(texts):
        return None
    return MultilineGuess("^" + _pattern(shape), 1 - share)


def _shape(text: str) -> str:
    """The first characters of a line, digits as `0`, letters as `a`."""
    return re.sub(r"[A-Za-z]", "a", re.sub(r"[0-9]", "0", text[:SHAPE_CHARS]))


def _pattern(shape: str) -> str:
    classes = {"0": r"\d", "a": "[A-Za-z]"}
    return "".join(classes.get(each, re.escape(each).replace("\\-", "-")) for each in shape.rstrip())
