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
from typing import NamedTuple

_BREAKS = r"\s,;、，；()\[\]{}"
_START, _END = rf"(?<![^{_BREAKS}=:：])", rf"(?=[{_BREAKS}]|[.:!?。：]*(?:\s|$))"
_MASKED = rf"(?=[^{_BREAKS}]{{0,200}}<[A-Z])[^{_BREAKS}]++"
_NUMBERS = rf"(?:<(?:NUM|HEX|TIME)>|[^\w<>{_BREAKS}])++\s"
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
    """Rules for lists of one kind. `hint` is quickly looked for, and stands in every line that has such a list."""

    hint: re.Pattern[str]
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
        r"([=:]\s?)(?=[\d_.$@/<>*-]*[^\W\d_])[\w.$@/<>*-]++(?:,[\w.$@/<>*-]+)++(?=[\s;)\]}]|$)", r"\1<*>",
    ),
)  # fmt: skip
_BY_BLANK = (
    _rule("", rf"{_START}({_MASKED})(?:\s+\1){{2,}}{_END}", r"\1"),
    _rule("", rf"{_START}(?!{_NUMBERS})({_MASKED})\s+\1{_END}", r"\1"),
    _rule("", rf"(\[\s*)({_MASKED})\s+\2(?=\s*\])", r"\1\2"),
)
_RULES = (
    _Rules(re.compile("[,;、，；]"), _BY_COMMA),
    _Rules(re.compile(_TWO), _BY_BLANK),
    _Rules(re.compile(r"[)\]}]\s+[(\[{]"), (_rule("", rf"({_GROUP})(?:\s+\1)+", r"\1"),)),
    _Rules(re.compile(r"=\["), (_rule("", rf"(=\[){_WORD}(?:\s+{_WORD})+(?=\])", r"\1<*>"),)),
)
_ROUNDS = 3
"""Lists of lists are collapsed from within."""


def collapse(masked: str) -> str:
    """A masked line with its lists collapsed."""
    for _ in range(_ROUNDS):
        before = masked
        for kind, rules in _RULES:
            if kind.search(masked):
                for hint, pattern, becomes in rules:
                    if hint is None or hint.search(masked):
                        masked = pattern.sub(becomes, masked)
        if masked == before:
            break
    return masked
