"""Lists in masked lines: a statement with one element or with sixty is one event.

| a list | becomes |
|---|---|
| equal masked elements, by commas or semicolons: `[<NUM>, <NUM>]`, `<IP>;<IP>`, `'<ID>','<ID>'` | its first element |
| equal masked groups in brackets: `(<NUM>, <IP>), (<NUM>, <IP>)` | its first group |
| three and more equal masked elements by blanks: `<NUM> <NUM> <NUM>` | its first element |
| two by blanks that are more than numbers, or that fill square brackets: `<IP> <IP>` | its first element |
| words in square brackets, or in quotes, by commas: `[web, db]`, `'web', 'db'` | `[<*>]`, `'<*>'` |
| words behind `=` or `:`, by commas without a blank: `hosts: web,db` | `hosts: <*>` |
| words in square brackets behind `=`, by blanks: `args=[a b c]` | `args=[<*>]` |

So a masked list of one element keeps its text. Everything depends on the line alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

_BREAKS = r"\s,;、，；()\[\]{}"
_START, _END = rf"(?<![^{_BREAKS}=:：])", rf"(?=[{_BREAKS}]|[.:!?。：]*(?:\s|$))"
_MASKED = rf"(?=[^{_BREAKS}]{{0,200}}<[A-Z])[^{_BREAKS}]++"
_NUMBERS = rf"(?>(?:<(?:NUM|HEX|TIME)>|[^\w<>{_BREAKS}])+)\s"
_COMMA = r"\s*[,;、，；]\s*"
_WORD = rf"[^{_BREAKS}=:\"'\ue000]++"
_GROUP = "|".join(rf"\{a}(?=[^\{a}\{b}]*<[A-Z])[^\{a}\{b}]*+\{b}" for a, b in ("()", "[]", "{}"))

_NOT_PAIR = r"(?!'?\"?<[A-Z]+>'?\"?\s*[,;\])}]|[^,;\])}]{1,200}[,;]\s*'?\"?<[A-Z]+>'?\"?\s*(?:[\])}]|$))"
"""Two elements, one of which is masked whole, are of different kinds: `('eth0', '<UUID>')`."""


class _Rule(NamedTuple):
    """A list and what it becomes."""

    hint: re.Pattern[str] | None
    pattern: re.Pattern[str]
    becomes: str


class _Rules(NamedTuple):
    """Rules for lists of one kind. `may_have` is quick, and true of every line that has such a list."""

    may_have: Callable[[str], object]
    rules: tuple[_Rule, ...]


def _rule(hint: str, pattern: str, becomes: str) -> _Rule:
    return _Rule(re.compile(hint) if hint else None, re.compile(pattern), becomes)


_TWO = r"(<[A-Z]\w*>)\S{0,200}\s+\S{0,200}\1"
_BY_COMMA = (
    _rule(
        r"(<[A-Z]\w*>)[^\s,;、，；]{0,200}\s*[,;、，；]\s*[^\s,;、，；]{0,200}\1",
        rf"{_START}({_MASKED})(?:{_COMMA}\1)+{_END}", r"\1",
    ),
    _rule(r"[)\]}]\s*[,;]\s*[(\[{]", rf"({_GROUP})(?:\s*[,;]\s*\1)+", r"\1"),
    _rule(
        r"['\"]\s*[,;]\s*['\"]",
        r"(?<![^\s,;(\[{=:])(?=['\"])(?:(?=[^,]{1,200},[^,]{1,200},)|" + _NOT_PAIR + r")"
        r"(['\"])[^'\",\ue000]++\1(?:\s*[,;]\s*\1[^'\",\ue000]++\1)+(?!\s*[:=])", r"\1<*>\1",
    ),
    _rule(
        r"[,;]",
        rf"\[(?:(?=[^,;\]]{{1,200}}[,;][^,;\]]{{1,200}}[,;])|{_NOT_PAIR})"
        rf"\s*{_WORD}(?:\s*[,;]\s*{_WORD})+\s*\]", r"[<*>]",
    ),
    _rule(
        r",\S",
        r"([=:]\s?)(?=[\d_.$@/<>*-]*[^\W\d_])[\w.$@/<>*-]++(?>(?:,[\w.$@/<>*-]+)+)(?=[\s;)\]}]|$)", r"\1<*>",
    ),
)  # fmt: skip
_TWO_ELEMENTS = re.compile(_TWO)


def _has_pair(masked: str) -> bool:
    """Whether a masked element stands before its equal, with blanks between."""
    if not _TWO_ELEMENTS.search(masked):
        return False
    return any(_is_pair(one, other) for one, other in pairwise(masked.split()) if "<" in one and "<" in other)


def _is_pair(one: str, other: str) -> bool:
    """Whether a token ends with what the next one begins with, its last placeholder in it."""
    start = one.rfind("<")
    last = one[start:]
    stop = other.find(last)
    while stop >= 0:
        if one.endswith(other[: stop + len(last)]):
            return True
        stop = other.find(last, stop + 1)
    return False


_BY_BLANK = (
    _rule("", rf"{_START}({_MASKED})(?:\s+\1){{2,}}{_END}", r"\1"),
    _rule("", rf"{_START}(?!{_NUMBERS})({_MASKED})\s+\1{_END}", r"\1"),
    _rule("", rf"(\[\s*)({_MASKED})\s+\2(?=\s*\])", r"\1\2"),
)
_RULES = (
    _Rules(re.compile("[,;、，；]").search, _BY_COMMA),
    _Rules(_has_pair, _BY_BLANK),
    _Rules(re.compile(r"[)\]}]\s+[(\[{]").search, (_rule("", rf"({_GROUP})(?:\s+\1)+", r"\1"),)),
    _Rules(re.compile(r"=\[").search, (_rule("", rf"(=\[){_WORD}(?:\s+{_WORD})+(?=\])", r"\1<*>"),)),
)
_ROUNDS = 3
"""Lists of lists are collapsed from within."""


def collapse(masked: str) -> str:
    """A masked line with its lists collapsed."""
    for _ in range(_ROUNDS):
        before = masked
        for may_have, rules in _RULES:
            if may_have(masked):
                for hint, pattern, becomes in rules:
                    if hint is None or hint.search(masked):
                        masked = pattern.sub(becomes, masked)
        if masked == before:
            break
    return masked
