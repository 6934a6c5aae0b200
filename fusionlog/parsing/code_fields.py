"""Codes in the fields of a line: `<Status>` of a header, `status` of a JSON line, and what `keep` names.

A header's fields are no part of an event, so a code among them is written behind the content as `status=502`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from fusionlog.parsing.codes import in_token, is_code_name
from fusionlog.parsing.headers import KEPT, Fields, Header
from fusionlog.parsing.line_cache import CodePlace
from fusionlog.parsing.templates import CONSTANT
from fusionlog.settings.patterns import KEPT_NAME
from fusionlog.utils.bounded_cache import BoundedCache

MAX_FIELDS = 200
"""Fields of a decoded line that are looked at."""
CACHED_NAMES = 2_000
_VALUE = re.compile(r"[\w+-][\w.+-]{0,15}")
_UNSET = ("-", "00000")


class FieldCodes(NamedTuple):
    """The codes in a line's fields as masked tokens, with a blank before each, and the places that may have some."""

    text: str
    places: Sequence[CodePlace] = ()


NO_CODES = FieldCodes("")


def keep_expression(kept: str) -> str:
    """The expression of an entry of `keep`: of a name the word behind it, as `name=word`, `"name": word`, `name 12`."""
    if not KEPT_NAME.fullmatch(kept):
        return kept
    return (
        rf"(?<![A-Za-z0-9_]){re.escape(kept)}[\"'\\)\]]*(?:\s*(?:=>|[=:>])\s*|\s+(?=[0-9]))[\"'\\(\[]*"
        rf"([\w+-][\w.+-]{{0,15}})(?![\w%])"
    )


def kept_names(keep: Sequence[str]) -> list[str]:
    """The entries of `keep` that are names."""
    return [each for each in keep if KEPT_NAME.fullmatch(each)]


class CodeFields:
    """The codes in the fields of one system's lines; false where no line can have any."""

    def __init__(self, keep: Sequence[str], header: Header) -> None:
        self._kept = set(kept_names(keep))
        names = sorted(header.names - set(KEPT))
        self._names = [name for name in names if self._is_kept(name) or is_code_name(name)]
        self._decoded = not header.by_place
        self._known: BoundedCache[str, bool] = BoundedCache(CACHED_NAMES)

    def __bool__(self) -> bool:
        return bool(self._names) or self._decoded

    def of(self, header: Fields, content: str) -> FieldCodes:
        """The codes in the fields of a line."""
        if header.values is not None:
            found = [(name, str(value)) for name, value in _leaves(header.values) if self._is_code(name)]
            return FieldCodes("".join(self._token(*each) for each in found if f"{each[0]}=" not in content))
        tokens, places = "", []
        for name in self._names:
            place = header.place(name)
            if place is not None and header.found is not None:
                tokens += self._token(name, header.found.string[place])
                places.append((place.start, place.stop, place.start, place.stop))
        return FieldCodes(tokens, places)

    def _token(self, name: str, value: str) -> str:
        if value in _UNSET or not self._is_value(name, value):
            return ""
        return f" {CONSTANT}{name}={value}"

    def _is_value(self, name: str, value: str) -> bool:
        if self._is_kept(name):
            return _VALUE.fullmatch(value) is not None
        return any(
            each.accepted and each.code_stop == len(name) + 1 + len(value) for each in in_token(f"{name}={value}")
        )

    def _is_kept(self, name: str) -> bool:
        return name in self._kept or name.lower() in {each.lower() for each in self._kept}

    def _is_code(self, name: str) -> bool:
        known = self._known.get(name)
        if known is None:
            known = self._is_kept(name) or is_code_name(name)
            self._known.put(name, known)
        return known


def _leaves(tree: Mapping[str, object], prefix: str = "", most: int = MAX_FIELDS) -> Iterator[tuple[str, object]]:
    """The texts and numbers of an object, by their paths."""
    for number, (key, value) in enumerate(tree.items()):
        if number >= most:
            return
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.", most // 4)
        elif isinstance(value, str | int) and not isinstance(value, bool):
            yield f"{prefix}{key}", value
