"""The header that the lines of a sample share, by their columns: dates, clocks, levels, programs, and those between."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from fusionlog.onboarding.tokens import LEVEL, MONTH, ZONE

MAX_COLUMNS = 12
MARKS = ("|", ",", ";", "\t")
MIN_MARKED = 2
TYPED_SHARE = 0.9
"""Share of lines whose column has a type, at least, for it to be one of the header."""
COMMON_SHARE = 0.95
MAX_HOSTS = 50
MAX_BETWEEN = 3
"""Columns of no type before the next typed one that may belong to a header."""

_DATE = r"\d{4}[-/.]\d\d[-/.]\d\d|\d\d[-/.]\d\d[-/.]\d{2,4}|[01]\d-[0-3]\d"
# The first type that the texts of a column have counts.
_TYPES: dict[str, re.Pattern[str]] = {
    "Stamp": re.compile(
        rf"(?:{_DATE})[ T_:-]\d\d[:.]\d\d[:.]\d\d(?:[.,:]\d+)?(?:Z|[+-]\d\d:?\d\d)?"
        rf"|\d\d/(?:{MONTH})/\d{{4}}:\S+|\d\d-(?:{MONTH})-\d{{4}}"
    ),
    "Date": re.compile(rf"{_DATE}|20\d{{6}}|\d\d[01]\d[0-3]\d"),
    "Clock": re.compile(r"\d{1,2}:\d\d(?::\d\d(?:[.,:]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"),
    "Epoch": re.compile(r"1\d{9}(?:\.\d+)?|1\d{12}|1\d{15}|1\d{18}"),
    "Month": re.compile(MONTH),
    "Weekday": re.compile("Mon|Tue|Wed|Thu|Fri|Sat|Sun"),
    "Zone": re.compile(ZONE),
    "Level": re.compile(LEVEL),
    "Number": re.compile(r"\d+"),
}
_TIMES = ("Stamp", "Date", "Clock", "Epoch", "Month", "Weekday", "Zone")
_DOTTED = re.compile(r"[A-Za-z_][\w$-]*(?:[./][\w$-]+)+")
_CONTINUATION = re.compile(
    r"\s|Caused by: |Traceback \(|Suppressed: |\.\.\. \d+ more|[}\])]|(?:[a-z]\w*\.)+[A-Z]\w*(?:Exception|Error)\b"
)


class _Column(NamedTuple):
    """A column: its type (`Word` where it has none), the texts around its field, and the field's values."""

    type: str
    before: str
    after: str
    values: Counter[str]

    @property
    def constant(self) -> bool:
        return len(self.values) == 1

    def share(self, pattern: str) -> float:
        """The share of lines whose value has a part that matches."""
        matches = sum(count for value, count in self.values.items() if re.search(pattern, value))
        return matches / self.values.total()

    @property
    def is_field(self) -> bool:
        """Whether the values are few, or ids: hosts, programs and sessions, not words of a sentence."""
        return len(self.values) <= max(2, 0.1 * self.values.total()) or self.share(r"\d") >= TYPED_SHARE


def is_continuation(line: str) -> bool:
    """Whether a line looks like one that continues the line before: indented, or a part of a stack trace."""
    return _CONTINUATION.match(line) is not None


def guess_header(lines: Sequence[str]) -> str | None:
    """The header format of lines; None where they share no time, level or program."""
    whole = [line for line in lines if not is_continuation(line)]
    return _by_blanks(whole) or next((found for mark in MARKS if (found := _by_mark(whole, mark))), None)


def _by_mark(lines: Sequence[str], mark: str) -> str | None:
    """The header of lines whose columns are separated by a mark: `<Date> <Time>|<Level>|<Content>`."""
    rows = [[text.strip() for text in line.split(mark, MAX_COLUMNS)] for line in lines]
    columns = list(_columns([row for row in rows if all(row)]))
    count = _length(columns) if len(columns) >= MIN_MARKED else 0
    if not count or columns[0].type not in ("Stamp", "Epoch"):
        return None
    blank = " " if sum(f" {mark} " in line for line in lines) >= COMMON_SHARE * len(lines) else ""
    dated = [" " in next(iter(column.values)) and column.type == "Stamp" for column in columns[:count]]
    fields = [_both(field) if split else field for field, split in zip(_fields(columns[:count]), dated, strict=True)]
    return f"{blank}{mark}{blank}".join([*fields, "<Content>"])


def _both(field: str) -> str:
    return field.replace("<Time>", "<Date> <Time>")


def _by_blanks(lines: Sequence[str]) -> str | None:
    rows = [line.split(maxsplit=MAX_COLUMNS) for line in lines]
    columns = _retyped(list(_columns(rows)))
    count = _length(columns)
    if not count or {column.type for column in columns[:count]} == {"Date"}:
        return None
    return " ".join([*_fields(columns[:count]), "<Content>"])


def _columns(rows: Sequence[Sequence[str]]) -> Iterator[_Column]:
    """The columns that nearly all lines have, with content after them."""
    for number in range(MAX_COLUMNS):
        texts = [row[number] for row in rows if len(row) > number + 1]
        if not texts or len(texts) < TYPED_SHARE * len(rows):
            return
        yield _column(texts)


def _column(texts: Sequence[str]) -> _Column:
    if sum(re.search(r"\w", text) is None for text in texts) >= TYPED_SHARE * len(texts):
        return _Column("Mark", "", "", Counter(texts))
    before = _common(re.match(r"[\[(<\"'#]*", text)[0] for text in texts)  # type: ignore[index]
    ends = [re.search(r"[\])>\"':,;]*$", text)[0] for text in texts]  # type: ignore[index]
    after = _common(ends) or _common(end[-1:] for end in ends)
    values = Counter(text.removeprefix(before).removesuffix(after) for text in texts)
    column = _Column("Word", before, after, values)
    for name, pattern in _TYPES.items():
        if column.share(rf"^(?:{pattern.pattern})$") >= TYPED_SHARE:
            return column._replace(type=name)
    if column.share(rf"^(?:{_DOTTED.pattern})(?:\[\d+)?$") >= TYPED_SHARE or after.endswith(":"):
        return column._replace(type="Component")
    return column._replace(type="Context") if before and after else column


def _common(texts: Iterable[str]) -> str:
    """The text that nearly all have, else none."""
    counts = Counter(texts)
    text, count = counts.most_common(1)[0]
    return text if count >= COMMON_SHARE * counts.total() else ""


def _retyped(columns: Sequence[_Column]) -> list[_Column]:
    """The columns with the types that depend on the column before: a day after its month, a clock of six digits."""
    found: list[_Column] = []
    for column in columns:
        previous = found[-1].type if found else ""
        if previous == "Month" and column.type in ("Number", "Clock"):
            column = column._replace(type="Day")
        elif previous == "Date" and column.type in ("Date", "Number") and column.share(r"^\d{6}$") >= TYPED_SHARE:
            column = column._replace(type="Clock")
        elif column.type == "Zone" and previous not in _TIMES:
            column = column._replace(type="Word")
        elif column.type == "Date" and column.share(r"^\d{6}$") == 1 and not column.share(r"^\d\d(?:0[1-9]|1[0-2])"):
            column = column._replace(type="Number")
        found.append(column)
    return found


def _length(columns: Sequence[_Column]) -> int:
    """The number of columns of the header: up to the last typed one before the words of a sentence begin."""
    end, between, anchored, level = 0, 0, False, False
    for number, column in enumerate(columns):
        if column.type == "Word":
            between += 1
            if between > MAX_BETWEEN or level or not column.is_field:
                break
            continue
        if (column.type in ("Number", "Mark") and between) or (
            column.type in ("Number", "Context", "Mark") and not anchored
        ):
            break
        if column.type == "Level" and number and columns[number - 1].type == "Level":
            break
        anchored, between, end = True, 0, number + 1
        level = level or column.type == "Level"
        if column.type in ("Component", "Level") and column.after.endswith(":"):
            break
    return end


def _fields(columns: Sequence[_Column]) -> Iterator[str]:
    """The columns of the header as they are written in its format."""
    component = _component(columns)
    names: Counter[str] = Counter()
    for number, column in enumerate(columns):
        if column.constant and column.type == "Mark":
            yield f"{column.before}{next(iter(column.values))}{column.after}"
            continue
        name = "Component" if number == component else _name(column)
        names[name] += 1
        name += str(names[name]) if names[name] > 1 else ""
        process = name == "Component" and column.after.startswith("]") and column.share(r"^[^\[]+\[\d+$") == 1
        yield f"{column.before}<{name}>{'[<Pid>' if process else ''}{column.after}"


def _component(columns: Sequence[_Column]) -> int | None:
    """The column that names the program, class or subsystem: one of that form, else the word nearest to the level."""
    typed = [number for number, column in enumerate(columns) if column.type == "Component"]
    if typed:
        return typed[-1]
    level = next((number for number, column in enumerate(columns) if column.type == "Level"), len(columns))
    words = [number for number, column in enumerate(columns)
             if column.type == "Word" and not column.constant and column.share(r"\d") < 0.1]  # fmt: skip
    return min(words, key=lambda number: abs(number - level), default=None)


def _name(column: _Column) -> str:
    if column.type in ("Stamp", "Clock", "Epoch"):
        return "Time"
    if column.type == "Number":
        return "Pid"
    if column.type == "Word":
        return "Id" if len(column.values) > MAX_HOSTS else "Host"
    return "Field" if column.type in ("Component", "Mark") else column.type
