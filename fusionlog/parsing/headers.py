"""The header of a log line: a preset, a format `<Date> <Time> <Level> <Component>: <Content>` in the notation of
Loghub, or a regular expression with named groups.

Of a format:

* A field is a run of characters without a blank that ends where the literal after it first stands. One that has a
  literal at both sides, without blanks between (`[<Thread>]`), may hold blanks, and may be empty; in brackets, pairs
  of them too.
* `<Name?>` may be missing, with the brackets or quotes around it: `<Component>[<Pid?>]: <Content>`.
* `<Sd>` or `<StructuredData>` is the STRUCTURED-DATA of RFC 5424: `-`, or elements in brackets with quoted values.
* A blank is any run of blanks. `<Content>` comes last and takes the rest, line breaks included.

A format takes linear time on any line. The groups of a regular expression are searched for in the first
`MAX_HEADER_CHARS` characters of a line, so that a slow expression has a bound.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence, Set
from typing import NamedTuple

from msgspec import Struct

from fusionlog.errors import SettingError
from fusionlog.parsing.codes import is_code_name
from fusionlog.parsing.presets import BLANKS, PRESETS, STRUCTURED_DATA
from fusionlog.settings import SystemSettings
from fusionlog.utils.json_format import Tree, value_at

MAX_HEADER_CHARS = 2_000
MAX_OPTIONAL_CHARS = 200
"""Of an optional field: where it may begin at every place of a line, a longer one would take quadratic time."""
MAX_OPTIONAL_FIELDS = 8

KEPT = ("component", "level", "content")
_BOM = "\ufeff"
_FIELD = re.compile(r"<(\w+\??)>")
_PAIRS = {"[": "]", "(": ")", "{": "}", "<": ">", '"': '"', "'": "'"}
_NESTED = r"[^\[\]\r\n]*+(?>(?:\[[^\[\]\r\n]*+\][^\[\]\r\n]*+)*)"
_STRUCTURED = ("sd", "structureddata", "structured_data")


class Fields(Struct, frozen=True, gc=False):
    """The parts of a line that are kept. A field that the header lacks is None.

    `start` is the place of the content in the line, None where it is no part of it as it stands. `matched` is False
    where a header is set and the line does not have it; such a line is all content. `named` is the place of the
    component, -1 where it has none in the line as it stands.
    """

    content: str
    component: str | None = None
    level: str | None = None
    start: int | None = 0
    matched: bool = True
    found: re.Match[str] | None = None
    values: Tree | None = None
    named: int = -1

    def place(self, name: str) -> slice | None:
        """The place of a named field in the line, None where it has none or an empty one."""
        group = _group(self.found.re, name) if self.found else None
        if self.found is None or not group or not self.found[group]:
            return None
        return slice(*self.found.span(group))

    def value(self, name: str) -> object:
        """The value of a field that is no part of the line as it stands, None where there is none."""
        return None if self.values is None else value_at(self.values, name)


class Header:
    """Splits lines by the header of a system; without one, a line is all content.

    :raises SettingError: more than one of `format`, `header` and `header_regex` is set; or the format does not end
        with its only `<Content>`, or repeats a field.
    """

    def __init__(self, system: SystemSettings) -> None:
        check_one(system)
        self.format = system.header
        self._preset = PRESETS[system.format] if system.format else None
        self._patterns = _patterns(system)
        self._rules = [_rule(pattern) for pattern in self._patterns]
        self._limit = MAX_HEADER_CHARS if system.header_regex else None
        self.stamp_names = _stamp_names(system)
        self.is_set = bool(self._patterns or self._preset)

    @property
    def expressions(self) -> list[str]:
        """The expressions that split a line, in the order they are tried."""
        return [pattern.pattern for pattern in self._patterns]

    @property
    def names(self) -> set[str]:
        """The names of the fields whose places are known."""
        return {name for pattern in self._patterns for name in pattern.groupindex}

    @property
    def by_place(self) -> bool:
        """Whether the fields of a line are always parts of it as it stands."""
        return self._preset is None or self._preset.read is None

    def split(self, line: str, outer: Tree | None = None) -> Fields:
        """The fields of a line. One that does not match (no header, another program's) is all content.

        :param outer: the fields of the envelope: of a JSON line that was opened they are the header.
        """
        limit = self._limit
        for rule in self._rules:
            found = rule.match(line) if limit is None else rule.match(line, 0, limit)
            if found is None:
                continue
            component, text = rule.component, found[rule.content]
            if limit is not None or not text or not " " < text[0] < "\x7f":
                return _fields(rule, found, line, limit)
            return Fields(
                text.rstrip(), (found[component] or None) if component else None,
                (found[rule.level] or None) if rule.level else None, found.start(rule.content), True, found, None,
                found.start(component) if component else -1,
            )  # fmt: skip
        read = self._preset.read(line, outer) if self._preset and self._preset.read else None
        if read is not None:
            return Fields(read.content, read.component, read.level, None, True, None, read.values)
        start, content = _trimmed(line, 0)
        return Fields(content, start=start, matched=not self.is_set)

    def stamp(self, fields: Fields) -> tuple[slice, ...]:
        """The places of the line's time, date first; none where it has none."""
        places = sorted(
            (place for name in self.stamp_names if (place := fields.place(name))), key=lambda each: each.start
        )
        return tuple(places)

    def stamp_value(self, fields: Fields) -> str | None:
        """The text of a time that is no part of the line as it stands."""
        if fields.values is None:
            return None
        values = (fields.value(name) for name in self.stamp_names)
        return " ".join(str(value) for value in values if value not in (None, "")) or None


def check_one(system: SystemSettings) -> None:
    """Refuse more than one description of a header.

    :raises SettingError: naming them.
    """
    given = [name for name in ("format", "header", "header_regex") if getattr(system, name) is not None]
    if len(given) > 1:
        raise SettingError(given[0], getattr(system, given[0]), f"{' and '.join(given)} are set; keep one of them")


def _patterns(system: SystemSettings) -> list[re.Pattern[str]]:
    if system.format is not None:
        return [_complete(pattern) for pattern in PRESETS[system.format].patterns]
    if system.header is not None:
        used = (system.session_field, system.time_field, system.date_field, *system.keep, *_code_names(system.header))
        return [_compile(system.header, {name.lower() for name in used if name})]
    return [] if system.header_regex is None else [_complete(system.header_regex)]


def _code_names(format: str) -> list[str]:
    """The fields of a format whose values are codes by their names: `<Status>`."""
    return [name.rstrip("?") for name in _FIELD.findall(format) if is_code_name(name.rstrip("?"))]


def _stamp_names(system: SystemSettings) -> tuple[str, ...]:
    """The header fields that make the line's time."""
    names = tuple(name.lower() for name in (system.date_field, system.time_field) if name)
    return names or (("time",) if system.format else ())


def _complete(pattern: str) -> re.Pattern[str]:
    """An expression in which each kept name is a group, and `.` takes line breaks."""
    flags = re.compile(pattern).flags & re.IGNORECASE | re.DOTALL
    return re.compile(pattern, flags)


def _group(pattern: re.Pattern[str], name: str) -> int:
    """The number of the group of a name, in whichever case it is written; 0 where there is none."""
    exact = pattern.groupindex.get(name)
    lower = name.lower()
    return exact or next((number for each, number in pattern.groupindex.items() if each.lower() == lower), 0)


class _Rule(NamedTuple):
    """An expression, and the numbers of its groups; 0 where it has none."""

    match: Callable[..., re.Match[str] | None]
    component: int
    level: int
    content: int


def _rule(pattern: re.Pattern[str]) -> _Rule:
    return _Rule(pattern.match, *(_group(pattern, name) for name in KEPT))


def _fields(rule: _Rule, found: re.Match[str], line: str, limit: int | None) -> Fields:
    component, level, content = rule.component, rule.level, rule.content
    start, text = found.start(content), found[content]
    if limit is not None and found.end(content) == limit:
        text = line[start:]
    if text and " " < text[0] < "\x7f":
        text = text.rstrip()
    else:
        start, text = _trimmed(text or "", start)
    return Fields(
        text, (found[component] or None) if component else None, (found[level] or None) if level else None,
        start, True, found, None, found.start(component) if component else -1,
    )  # fmt: skip


def _trimmed(text: str, start: int) -> tuple[int, str]:
    """A part of a line without blanks around and without a byte order mark, and its place."""
    bare = text.strip()
    if bare[:1] == _BOM:
        bare = bare[1:].lstrip()
    return (start, bare) if bare[:1] == text[:1] else (start + text.find(bare), bare)


def _compile(format: str, used: Set[str]) -> re.Pattern[str]:
    """The expression of a format. Fields are atomic groups: no backtracking over them, whatever the line.

    :param used: the fields, beside the kept ones, whose place is needed; a group costs time.
    """
    _check(format)
    pieces = _FIELD.split(format.strip())
    names, literals = pieces[1::2], pieces[0::2]
    wanted = {*KEPT, *used}
    groups: list[list[str]] = [[]]
    values = [_value(each, literals[at], literals[at + 1]) for at, each in enumerate(names[:-1])]
    optional = [_make_optional(each, literals, at) for at, each in enumerate(names[:-1])]
    groups[0].append(_literal(literals[0]))
    for at, name in enumerate(names[:-1]):
        field = _named(name, values[at], wanted)
        literal = _last(literals[at + 1]) if at == len(names) - 2 else _literal(literals[at + 1])
        if optional[at] is None:
            groups.append([field, literal])
        else:
            before, after = optional[at] or ("", "")
            groups[-1] += [f"(?:{before}{field}{after})?", literal]
    body = "".join(f"(?>{''.join(group)})" for group in groups)
    return re.compile(rf"[{BLANKS}]*+{body}[{BLANKS}]*+(?P<content>.*)", re.DOTALL)


def _check(format: str) -> None:
    names = [name.lower() for name in _FIELD.findall(format)]
    if names.count("content") != 1 or not format.rstrip().lower().endswith("<content>"):
        raise SettingError("header", format, "it must end with <Content>, which takes the rest of the line")
    for name in KEPT:
        if names.count(name) + names.count(f"{name}?") > 1:
            raise SettingError("header", format, f"it has <{name.capitalize()}> more than once")
    if sum(name.endswith("?") for name in names) > MAX_OPTIONAL_FIELDS:
        raise SettingError("header", format, f"it has more than {MAX_OPTIONAL_FIELDS} optional fields")


def _value(name: str, before: str, after: str) -> str:
    """The expression of a field's text between two literals."""
    if name.lower().rstrip("?") in _STRUCTURED:
        return STRUCTURED_DATA
    delimited = before[-1:].strip() and after[:1].strip()
    if name.endswith("?"):
        return rf"[^\r\n]{{0,{MAX_OPTIONAL_CHARS}}}?" if delimited else rf"\S{{0,{MAX_OPTIONAL_CHARS}}}?"
    if before.endswith("[") and after.startswith("]"):
        return rf"(?:{_NESTED}|[^\r\n]*?)"
    if delimited:
        return r"[^\r\n]*?"
    return r"\S++" if after[:1].isspace() else r"\S+?"


def _make_optional(name: str, literals: list[str], at: int) -> tuple[str, str] | None:
    """What is missing together with an optional field, taken out of the literals around it; None: it is required."""
    structured = name.lower().rstrip("?") in _STRUCTURED
    if not name.endswith("?") and not structured:
        return None
    opening, closing = "", ""
    before, after = literals[at], literals[at + 1]
    if before and after and _PAIRS.get(before[-1]) == after[0]:
        opening, closing = re.escape(before[-1]), re.escape(after[0])
        before, after = before[:-1], after[1:]
    if (not before or before[-1].isspace()) and after[:1].isspace():
        closing += r"(?:\s++|\Z)"
        after = after.lstrip()
    literals[at], literals[at + 1] = before, after
    return opening, closing


def _named(name: str, value: str, wanted: set[str]) -> str:
    """A field as a group, where it is wanted and has not come before."""
    group = name.lower().rstrip("?")
    if group not in wanted or not group.isidentifier():
        return f"(?:{value})"
    wanted.remove(group)
    return f"(?P<{group}>{value})"


def _literal(text: str) -> str:
    return r"\s++".join(re.escape(part) for part in re.split(r"\s+", text))


def _last(text: str) -> str:
    """The literal before the content: a line may end with it where more than a blank shows that the header is there."""
    bare = text.rstrip()
    return rf"{_literal(bare)}(?:\s++|\Z)" if bare and bare != text else _literal(text)


def texts(line: str, places: Sequence[slice]) -> str:
    """The text of some places of a line."""
    return line[places[0]] if len(places) == 1 else " ".join(line[place] for place in places)
