"""The text of an application's JSON lines: which fields are its level, logger, ids and message."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from fusionlog.onboarding.tokens import tokens
from fusionlog.utils.json_format import Tree

MIN_SHARE = 0.05
"""Share of lines that have a field, at least, for it to be written."""
MESSAGE_SHARE = 0.95
MAX_FIELDS = 12
MAX_CATEGORIES = 50
MAX_DEPTH = 4

TIMES = ("time", "timestamp", "@timestamp", "ts", "datetime", "date", "eventtime", "asctime", "@t", "t")
LEVELS = ("level", "severity", "loglevel", "log.level", "levelname", "lvl", "severitytext", "@l", "priority")
_LOGGERS = ("logger", "loggername", "log.logger", "name", "component", "module", "class", "domain", "source", "caller")
_MESSAGES = ("msg", "message", "@m", "@mt", "event", "body", "text", "shortmessage", "log", "description")
_ERRORS = ("error", "err", "exception", "error.message", "excinfo", "stacktrace", "@x")
_NAME = re.compile(r'[^{}\[\]!:."\\\x00-\x1f]+(?:\.[^{}\[\]!:."\\\x00-\x1f]+)*')
_ID = re.compile(
    r"(?i)(?:^|[._-])(?:trace|span|request|req|session|transaction|txn?|correlation|conn(?:ection)?|order|job|task|call)"
    r"[._-]?(?:id)?$|(?:id|uuid|guid)$"
)

Values = Mapping[str, Sequence[object]]


class JsonGuess(NamedTuple):
    """How JSON lines become text: the setting, the header of that text, the field of the time, and what was found."""

    json_line: str
    header: str | None
    time_field: str | None
    message: str | None
    message_share: float
    error: str | None


def guess_json(trees: Sequence[Tree]) -> JsonGuess:
    """The text of JSON lines: level, logger, ids as `name=value`, then the message, and the error behind it."""
    values = _values(trees)
    time, level, logger = (_named(values, names) for names in (TIMES, LEVELS, _LOGGERS))
    message, share = _message(values, len(trees))
    error = _named(values, _ERRORS)
    head = [(field, name) for field, name in ((level, "Level"), (logger, "Component"))
            if field and field not in (message, error) and _is_word(values[field])]  # fmt: skip
    taken = {time, message, error, *(field for field, _ in head)}
    extra = [field for field in values if field not in taken and _is_written(field, values[field], len(trees), share)]
    pieces = [f"{{{field}}}" for field, _ in head] + [f"{_label(field)}={{{field}}}" for field in extra[:MAX_FIELDS]]
    pieces += [f"{{{field}}}" for field in (message, error) if field]
    header = " ".join([f"<{name}>" for _, name in head] + ["<Content>"]) if head else None
    return JsonGuess(" ".join(pieces or [f"{{{next(iter(values), 'msg')}}}"]), header, time, message, share, error)


def fields_of(tree: Tree, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, object]]:
    """The fields of an object with their paths; a list is a value. What no format can name is left out."""
    for name, value in tree.items():
        if _NAME.fullmatch(name) is None:
            continue
        if isinstance(value, dict) and depth < MAX_DEPTH:
            yield from fields_of(value, f"{prefix}{name}.", depth + 1)
        else:
            yield f"{prefix}{name}", value


def named_field(trees: Sequence[Tree], names: Sequence[str]) -> str | None:
    """The field of objects that has one of these names, the first of them first."""
    return _named(_values(trees), names)


def _values(trees: Sequence[Tree]) -> dict[str, list[object]]:
    values: dict[str, list[object]] = defaultdict(list)
    for tree in trees:
        for field, value in fields_of(tree):
            if value is not None and value != "":
                values[field].append(value)
    return values


def _named(values: Values, names: Sequence[str]) -> str | None:
    """The first field of one of these names, whatever its case and hyphens; of a path the last part counts, too."""
    written = {re.sub(r"[_-]", "", field.lower()): field for field in reversed(list(values))}
    last = {field.rsplit(".", 1)[-1]: original for field, original in written.items()}
    return next((found[name] for found in (written, last) for name in names if name in found), None)


def _message(values: Values, lines: int) -> tuple[str | None, float]:
    """The field of the message, and the share of lines that have it: of a usual name, else with most text."""
    texts = {name: [value for value in found if isinstance(value, str)] for name, found in values.items()}
    named = [field for name in _MESSAGES if (field := _named(values, (name,))) and texts[field]]
    spoken = [field for field in texts if sum(" " in text.strip() for text in texts[field]) > 0.3 * lines]
    field = max(named, key=lambda each: (len(texts[each]) > MIN_SHARE * lines, -named.index(each)), default=None)
    field = field or max(spoken, key=lambda each: sum(map(len, texts[each])), default=None)
    return field, len(texts[field]) / lines if field else 0.0


def _is_word(values: Sequence[object]) -> bool:
    return all(isinstance(value, str | int) and not re.search(r"\s", str(value)) for value in values)


def _is_written(field: str, values: Sequence[object], lines: int, message_share: float) -> bool:
    """Whether a field is an id, or, where lines have no message, one of a few values."""
    distinct = Counter(map(str, values))
    if len(values) < MIN_SHARE * lines or (len(distinct) < 2 and message_share > 0):
        return False
    if _ID.search(field.rsplit(".", 1)[-1]) or _is_id([str(value) for value in values]):
        return True
    return message_share < MESSAGE_SHARE and (len(distinct) <= MAX_CATEGORIES or isinstance(values[0], int | float))


def _is_id(values: Sequence[str]) -> bool:
    """Whether most values are one id-like token, and not a number alone."""
    sample = values[:200]
    ids = 0
    for value in sample:
        found = [token for token in tokens(value) if token.kind not in ("number", "value")]
        ids += bool(found) and found[0].value == value
    return 2 * ids > len(sample) and len(set(values)) > 0.01 * len(values)


def _label(field: str) -> str:
    """The last part of a path; the whole one where that has a name as good as none."""
    last = field.rsplit(".", 1)[-1]
    return field if last in ("id", "name", "value", "key") else last
