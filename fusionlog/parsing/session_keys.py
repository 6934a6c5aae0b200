"""Session keys: where they stand in a line, and the one spelling under which all spellings of a key are a session.

A spelling differs from another of the same key in what stands around it (quotes, brackets, a full stop) and in the
case of hexadecimal digits where the form shows that they are such: a UUID, `0x…`, an identifier of 16 or 32 digits.
Any other key is case-sensitive: of Postfix's queue ids `4jXd2z` and `4JXD2Z` are two messages. Angle brackets are part
of a key, for they are part of an Erlang process (`<0.8.0>`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from fusionlog.errors import SettingError
from fusionlog.utils.json_format import MISSING

CACHED_KEYS, CACHED_CHARS = 10_000, 200
_TRAILING = ",;.!?"
_QUOTES = "\"'`"
_BRACKETS = {"[": "]", "(": ")", "{": "}"}
_CLOSING = {closing: opening for opening, closing in _BRACKETS.items()}
_H = "[0-9A-Fa-f]"
_UUID = re.compile(rf"(?<![0-9A-Za-z]){_H}{{8}}(?:-{_H}{{4}}){{3}}-{_H}{{12}}(?![0-9A-Za-z])")
_HEX = re.compile(rf"[0-9A-F]{{16}}|[0-9A-F]{{32}}|0[xX]{_H}+|(?i:urn:uuid:)?{_UUID.pattern}")
_PIECES = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?<?[=!]|\(\?\(|.", re.DOTALL)
_CONTEXT = re.compile(r"[\^$]|\\[AbBZ1-9]|\(\?<?[=!]|\(\?\(")
"""Pieces of an expression that look at what stands around a match, or number its groups."""

KeyMatch = tuple[int, int, int, int]
"""A match of the session's expression in a line: from, to, and the place of the key in it: from, to."""


class KeyExpression:
    """The session's expression: its group 1 is the key where it took part, else all of the match.

    :raises SettingError: it matches nothing at all.
    """

    def __init__(self, session: str | None) -> None:
        if session:
            refuse_empty("session", session)
        self._pattern = re.compile(session) if session else None
        self._group = 1 if self._pattern is not None and self._pattern.groups else 0

    @property
    def is_free(self) -> bool:
        """Whether a match does not depend on what stands around it, so that a part of a line has it as the line has."""
        return self._pattern is not None and not any(
            _CONTEXT.fullmatch(piece) for piece in _PIECES.findall(self._pattern.pattern)
        )

    def find(self, line: str) -> list[KeyMatch]:
        """The matches in a line that have a key, in order."""
        if self._pattern is None:
            return []
        matches = []
        for found in self._pattern.finditer(line):
            start, stop = found.span()
            key, key_stop = found.span(self._group)
            if key < key_stop:
                matches.append((start, stop, key, key_stop))
            elif start < stop:
                matches.append((start, stop, start, stop))
        return matches


def refuse_empty(setting: str, pattern: str) -> None:
    """Refuse an expression that matches the empty text: it would match at every place.

    :raises SettingError: naming the setting.
    """
    if re.search(pattern, ""):
        raise SettingError(setting, pattern, "it matches the empty text; let it need one character at least")


def canonical(key: str) -> str:
    """The one spelling of a key."""
    return _cached_spelling(key) if len(key) <= CACHED_CHARS else _spelling(key)


def _spelling(key: str) -> str:
    if key == key.lower():
        return key
    if _HEX.fullmatch(key):
        return key.lower()
    return _UUID.sub(lambda found: found[0].lower(), key) if "-" in key else key


_cached_spelling = lru_cache(CACHED_KEYS)(_spelling)


def trim(text: str, start: int, stop: int) -> slice | None:
    """The place of a key without what stands around it; None where nothing is left, or a hyphen (a missing value)."""
    while start < stop and not (text[start].isalnum() and text[stop - 1].isalnum()):
        inner = _step(text, start, stop)
        if inner == (start, stop):
            break
        start, stop = inner
    return None if start == stop or text[start:stop] == MISSING else slice(start, stop)


def values(found: object) -> tuple[str, ...]:
    """The keys that the value of an envelope's field gives, as they are written: of a list each."""
    if isinstance(found, list):
        return tuple(dict.fromkeys(key for item in found for key in values(item)))
    if found is None or isinstance(found, bool | dict):
        return ()
    text = str(found).strip()
    place = trim(text, 0, len(text))
    return (text[place],) if place else ()


def distinct(keys: Iterable[str]) -> tuple[str, ...]:
    """The keys in their one spelling, each once, in order."""
    return tuple(dict.fromkeys([canonical(key) for key in keys]))


def within(matches: Sequence[KeyMatch], start: int, end: int) -> list[KeyMatch]:
    """The matches that lie in a part of the line, with their places in that part."""
    return [
        (first - start, last - start, key - start, stop - start)
        for first, last, key, stop in matches
        if start <= first and last <= end
    ]


def _step(text: str, start: int, stop: int) -> tuple[int, int]:
    """One character or pair less around a key, or the same place."""
    first, last = text[start], text[stop - 1]
    if first.isspace() or first in _QUOTES:
        return start + 1, stop
    if last.isspace() or last in _QUOTES or last in _TRAILING or (last == ":" and text[stop - 2 : stop] != "::"):
        return start, stop - 1
    if _BRACKETS.get(first) == last:
        return start + 1, stop - 1
    if first in _BRACKETS and text.find(_BRACKETS[first], start, stop) < 0:
        return start + 1, stop
    if last in _CLOSING and text.find(_CLOSING[last], start, stop) < 0:
        return start, stop - 1
    return start, stop
