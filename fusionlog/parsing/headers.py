"""The header of a log line: `<Date> <Time> <Level> <Component>: <Content>`, in the notation of Loghub.

Every field is a run of characters without a blank that ends where the literal after it first stands; a blank in the
format is any run of blanks; `<Content>` comes last and takes the rest, line breaks included. It takes linear time.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from fusionlog.errors import SettingError

_FIELD = re.compile(r"<(\w+)>")
_KEPT = ("component", "level")


class Fields(NamedTuple):
    """The parts of a line that are kept. A field that the header lacks is None."""

    content: str
    component: str | None
    level: str | None


class Header:
    """Splits lines by a header format; without one, a line is all content.

    :raises SettingError: the format does not end with its only `<Content>`, or repeats a field.
    """

    def __init__(self, format: str | None) -> None:
        self.format = format
        self._match = None if format is None else _compile(format).match

    def split(self, line: str) -> Fields:
        """The fields of a line. One that does not match (no header, another program's) is all content."""
        found = self._match(line) if self._match else None
        if found is None:
            return Fields(line.strip(), None, None)
        component, level, content = found.group("component", "level", "content")
        return Fields(content.strip(), component or None, level or None)


def _compile(format: str) -> re.Pattern[str]:
    """The expression of a format. Fields are atomic groups: no backtracking over them, whatever the line."""
    _check(format)
    pieces = _FIELD.split(format.strip())
    names, literals = pieces[1::2], pieces[2::2]
    fields = [_field(name.lower(), literal) for name, literal in zip(names[:-1], literals[:-1], strict=True)]
    pattern = rf"\s*{_literal(pieces[0])}{''.join(fields)}(?P<content>.*)"
    missing = "".join(f"(?P<{name}>)" for name in _KEPT if f"(?P<{name}>" not in pattern)
    return re.compile(pattern + missing, re.DOTALL)


def _check(format: str) -> None:
    names = [name.lower() for name in _FIELD.findall(format)]
    if names.count("content") != 1 or not format.rstrip().lower().endswith("<content>"):
        raise SettingError("header", format, "it must end with <Content>, which takes the rest of the line")
    for name in _KEPT:
        if names.count(name) > 1:
            raise SettingError("header", format, f"it has <{name.capitalize()}> more than once")


def _field(name: str, literal: str) -> str:
    group = f"(?P<{name}>" if name in _KEPT else "(?:"
    return rf"(?>{group}\S+?){_literal(literal)})"


def _literal(text: str) -> str:
    return r"\s+".join(re.escape(part) for part in re.split(r"\s+", text))
