"""Id-like tokens of a line: what they look like, and the places that they stand at, as regular expressions.

A form is what the characters of a token show: a UUID, a run of hexadecimal digits, a word with numbers in it
(`blk_-17`), a pair of addresses. A place is the word before a token (`instance: `), its column, or nothing, where the
form is specific enough. Each expression has the token as group 1 and takes linear time: what repeats in it never
shares a character with what follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

MAX_LINE_CHARS = 2_000
MAX_COLUMN = 12
"""Columns, counted by runs of blanks from 0, that may hold a key of the header."""

LEVEL = (
    r"[VDIWEF]|(?i:dbg|inf|wrn|ftl|vrb|trc|trace|debug|fine(?:r|st)?|verbose|info|information|notice|warn|warning|error|err"
    r"|severe|crit|critical|fatal|alert|emerg|panic)|LOG|CONFIG|AUDIT|STATEMENT|DETAIL|HINT|CONTEXT"
)
MONTH = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
ZONE = r"[+-]\d\d:?\d\d|UTC|GMT|Z|[A-Z]{2,4}T"

START, END = "(?<![A-Za-z0-9])", "(?![A-Za-z0-9])"

Kind = Literal["pair", "uuid", "address", "process", "dotted", "hex", "numbered", "name", "number", "value", "field"]

_H = "[0-9a-fA-F]"
_IP = r"\d{1,3}(?:\.\d{1,3}){3}"
_HOST = rf"(?:{_IP}|\[{_H}*:[0-9a-fA-F:]+\])"
_UUID = f"{_H}{{8}}(?:-{_H}{{4}}){{3}}-{_H}{{12}}"
_WHOLE_HEX = (16, 24, 32, 40, 64)
"""Lengths of hexadecimal ids: of spans, object ids, traces and UUIDs without hyphens, SHA-1, SHA-256."""

# The first form that matches at a place counts. Dates, clocks, versions and bare addresses are no keys.
_FORMS: dict[str, str] = {
    "pair": rf"{START}{_HOST}:\d+ *(?:<?-+>|=>|to) *{_HOST}:\d+{END}",
    "none": rf"{START}(?:\d{{4}}[-/.]\d\d[-/.]\d\d(?:[T ]\d\d:\d\d[\d:.,]*)?|\d\d/[A-Z][a-z]{{2}}/\d{{4}}[\d:]*"
    rf"|\d{{1,2}}:\d\d:\d\d(?:[.,]\d+)?|{_IP}(?![:.\d])(?:/\d+)?)",
    "uuid": rf"{START}(?:[A-Za-z]{{1,16}}[-_])?{_UUID}{END}",
    "address": rf"{START}{_HOST}:\d+{END}",
    "process": r"<\d+(?:\.\d+){2}>",
    "dotted": rf"{START}[0-9a-f]{{6,16}}\.[0-9a-f]{{1,8}}(?![.A-Za-z0-9])",
    "hex": rf"{START}(?=[A-Fa-f]*[0-9])(?=[0-9]*[A-Fa-f]){_H}{{8,64}}{END}",
    "numbered": rf"{START}[A-Za-z]+(?:[_-][A-Za-z]+)*[_-]?-?\d+(?:[_-](?:[A-Za-z]+|\d+))*{END}",
    "name": rf"{START}(?=[A-Za-z]*[0-9][A-Za-z0-9]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]{{6,64}}{END}",
    "number": rf"{START}\d+(?![.:]\d){END}",
}
LENGTHS = "{6,64}"
"""Of a form whose tokens are of any length: `fitted` narrows it to those that there are."""

_EXPRESSIONS: dict[str, str] = {
    "uuid": _UUID,
    "pair": rf"{_HOST}:\d+ *(?:<?-+>|=>|to) *{_HOST}:\d+",
    "address": rf"{_HOST}:\d+",
    "process": r"<\d+(?:\.\d+){2}>",
    "dotted": r"[0-9a-f]{6,16}\.[0-9a-f]{1,8}",
    "name": rf"(?=[A-Za-z]{{0,63}}[0-9])[A-Za-z0-9]{LENGTHS}",
    "number": r"\d+",
}
_SCAN = re.compile("|".join(f"(?P<{name}>{form})" for name, form in _FORMS.items()))
_VALUE_FORM = r"""[^\s,;"'\[\](){}<>=|&]+"""
_VALUE = re.compile(rf"""(?<![\w.-])([A-Za-z_][\w.-]*)(=|"\s*:\s*)"?({_VALUE_FORM})""")
_VARIES = re.compile(f"{LEVEL}|{MONTH}|{ZONE}")
"""Words that other lines have others for: no place."""
_APART = re.compile(r"[-|] |[\])}>]")
"""Between a word and a token that it does not name."""
_QUOTE = '"?'
_TIME = re.compile(_FORMS["none"])
_LEFT = re.compile(r"((?<![A-Za-z0-9])[A-Za-z][A-Za-z_-]*)?([^A-Za-z0-9]{0,4})$")
_FREE = ("pair", "uuid", "dotted", "numbered", "name", "hex", "process", "address")
"""Forms that are specific enough to be a key wherever they stand first in a line."""


class Token(NamedTuple):
    """A token: its kind, its form as an expression, its text, the expressions of its places, and whether it is a part.

    A part of a token is what a word with several numbers begins with: `blk_17` of `blk_17_1001`.
    """

    kind: Kind
    form: str
    value: str
    places: tuple[str, ...]
    part: bool = False


def tokens(line: str) -> Iterator[Token]:
    """The id-like tokens of a line, and the values of its `name=value` pairs."""
    line = line[:MAX_LINE_CHARS]
    columns = [match.start() for match in re.finditer(r"\S+", line)][: MAX_COLUMN + 1]
    for found in _SCAN.finditer(line):
        kind, start = found.lastgroup, found.start()
        if kind != "none":
            free = ("",) if kind in _FREE else ()
            places = (*free, *_words(line, start), *_columns(line, start, columns))
            for number, form in enumerate(_forms(str(kind), found.group())):
                yield Token(kind, form, found.group(), places, number > 0)  # type: ignore[arg-type]
    for found in _VALUE.finditer(line):
        if not _TIME.match(found[3]):
            yield Token("value", _VALUE_FORM, found[3], (rf"{START}{_literal(found[1] + found[2])}{_QUOTE}",))


def expression(place: str, form: str) -> str:
    """The expression of a key of a form at a place."""
    end = "" if form == _VALUE_FORM or form.endswith(">") else END
    start = "" if place or form.startswith("<") else START
    return f"{start}{place}({form}){end}"


def fitted(form: str, values: Sequence[str]) -> str:
    """A form with the lengths that its values have, with room for others."""
    lengths = sorted(map(len, values))
    least, most = lengths[len(lengths) // 100], lengths[-1 - len(lengths) // 100]
    return form.replace(LENGTHS, f"{{{max(6, least - 2)},{most + 8}}}")


def simpler(pattern: str) -> list[str]:
    """Expressions that may find the same as this one, the shortest first."""
    words = pattern.replace(_HOST, r"[\d.]+").replace(_UUID, "[0-9a-fA-F-]{36}")
    bare = words.removeprefix(START).replace(START, r"\b")
    plain = (bare.replace(_VALUE_FORM, value).replace(_QUOTE, quote)
             for value in (r"\S+", _VALUE_FORM) for quote in ("", _QUOTE))  # fmt: skip
    found = [each for short in plain for each in (
        short.removesuffix(END), short, rf"\b{short.removesuffix(END)}\b", words.replace(START, r"\b"), words,
    )]  # fmt: skip
    return [each for each in dict.fromkeys(found) if len(each) < len(pattern)]


def name_of(place: str, form: str) -> str:
    """The word that names a token: before it, else the one that it begins with."""
    words = re.findall(r"[A-Za-z][\w-]+", re.sub(r"\(\?[^)]*\)|\\[A-Za-z]|\[.*?\]", " ", place))
    own = re.match(r"[A-Za-z][A-Za-z_-]+", form)
    return words[-1] if words else own[0].rstrip("_-") if own else ""


def _forms(kind: str, value: str) -> Iterator[str]:
    """The expressions of a token's form. Its letters stay where they name what is numbered."""
    if kind == "numbered":
        yield from _numbered(value)
    elif kind == "hex":
        case = "[0-9A-F]" if value.upper() == value else "[0-9a-f]"
        yield f"{case}{{{len(value)}}}" if len(value) in _WHOLE_HEX else f"{case}{LENGTHS}"
    elif kind == "uuid":
        yield _literal(value[:-36]) + _UUID
    else:
        yield _EXPRESSIONS[kind]


def _numbered(value: str) -> Iterator[str]:
    """A word with numbers, then what it begins with. A single number behind an underscore may be negative."""
    parts = re.split(r"((?<=[_-])-?\d+|\d+)", value)
    sign = "-?" if len(parts) == 3 and parts[0].endswith("_") else ""
    written = [rf"{sign}\d+" if place % 2 else _literal(part) for place, part in enumerate(parts)]
    yield "".join(written)
    if re.fullmatch(r"[A-Z]{1,4}[-_]?", parts[0]):
        yield "[A-Z]{1,4}" + "".join([parts[0].lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), *written[1:]])
    for count in range(2, len(parts) - 1, 2):
        yield "".join(written[:count]).replace(r"_\d+", r"_-?\d+", 1 if count == 2 else 0)


def _words(line: str, start: int) -> Iterator[str]:
    """The word before a token, with what stands between."""
    found = _LEFT.search(line[max(0, start - 40) : start])
    if found and found[1] and not _APART.search(found[2]) and not _VARIES.fullmatch(found[1]):
        yield rf"{START}{_literal(found[1])}{_literal(found[2])}"


def _columns(line: str, start: int, columns: list[int]) -> Iterator[str]:
    """The column of a token; a mark right before it (`sshd[17]`) is part of the place."""
    column = next((place for place in reversed(range(len(columns))) if columns[place] <= start), MAX_COLUMN)
    before = line[columns[column] : start] if column < MAX_COLUMN else ""
    if column >= MAX_COLUMN or (before and (before[-1].isalnum() or before[-1] in "_-." or before[-1] in before[:-1])):
        return
    skip = rf"^(?:\S+\s+){{{column}}}" if column > 1 else ("^", r"^\S+\s+")[column]
    mark = _literal(before[-1:])
    yield rf"{skip}[^\s{mark}]*{mark}" if mark else skip


def _literal(text: str) -> str:
    """A literal text; blanks are one or more."""
    escaped = "".join(rf"\{each}" if each in r".^$*+?{}[]\|()" else each for each in text)
    return re.sub(" +", " +", escaped)
