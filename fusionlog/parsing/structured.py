"""Lines that have to be decoded: logfmt, JSON, the Elastic Common Schema, PostgreSQL's csvlog.

Each reader gives the message as content, the logger as component, the level, and all fields by their names, with
`time` among them. A line without a message is written as its other fields, `key=value`, so that none is blank.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from fusionlog.utils.json_format import Tree, tree_of, value_at

_MESSAGE = (
    "message", "msg", "log", "event", "@m", "@mt", "short_message", "body", "text", "textPayload",
    "jsonPayload.message", "MESSAGE", "@message", "error.message", "error", "err", "exception",
)  # fmt: skip
_LEVEL = (
    "level", "severity", "log.level", "lvl", "loglevel", "log_level", "levelname", "level_name", "severityText",
    "severity_text", "@l", "PRIORITY", "priority",
)  # fmt: skip
_LOGGER = (
    "logger", "logger_name", "loggerName", "log.logger", "name", "component", "SourceContext",
    "Properties.SourceContext", "module", "category", "scope", "caller",
)  # fmt: skip
_TIME = (
    "@timestamp", "time", "timestamp", "ts", "@t", "datetime", "asctime", "eventTime", "t", "date", "log_time",
    "timestamp_ms", "instant",
)  # fmt: skip
_ECS_LOGGER = ("log.logger", "event.dataset", "service.name")

_PAIR = re.compile(r'([^\s="]++)=(?:"((?>(?:[^"\\]|\\.)*))"|(\S*+))|([^\s="]++)(?=\s|\Z)|[^\s="]++')
"""A pair, a word without a value, or what is neither: as a whole, lest it be read again from each of its characters."""
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_LINE = re.compile(r":\d+\Z")

_CSV = (
    "log_time", "user_name", "database_name", "process_id", "connection_from", "session_id", "session_line_num",
    "command_tag", "session_start_time", "virtual_transaction_id", "transaction_id", "error_severity", "sql_state_code",
    "message", "detail", "hint", "internal_query", "internal_query_pos", "context", "query", "query_pos", "location",
    "application_name", "backend_type", "leader_pid", "query_id",
)  # fmt: skip
_CSV_LEAST = 22


class Read(NamedTuple):
    """What a reader finds in a line: its fields are no parts of the line as it stands."""

    content: str
    component: str | None
    level: str | None
    values: Tree


def read_logfmt(line: str, outer: Tree | None = None) -> Read | None:
    """A line of `key=value` pairs; two at least, and more of them than of words without a value."""
    found = [each for each in _PAIR.finditer(line) if each.lastindex]
    pairs = {pair[1]: _unquoted(pair[2]) if pair[2] is not None else pair[3] for pair in found if pair[1]}
    if len(pairs) < 2 or len(pairs) * 2 < len(found):
        return None
    return _read(dict(pairs), _LOGGER)


def read_json(line: str, outer: Tree | None = None) -> Read | None:
    """A JSON object; of a line whose envelope was opened, the envelope's fields."""
    return _read_tree(line, outer, _LOGGER)


def read_ecs(line: str, outer: Tree | None = None) -> Read | None:
    """A JSON object of the Elastic Common Schema."""
    return _read_tree(line, outer, _ECS_LOGGER)


def read_postgres_csv(line: str, outer: Tree | None = None) -> Read | None:
    """A line of PostgreSQL's csvlog, of version 9.0 (23 columns) to 17 (26)."""
    try:
        row = next(csv.reader(line.splitlines(keepends=True), strict=True), [])
    except csv.Error:
        return None
    if len(row) < _CSV_LEAST:
        return None
    tree: Tree = {name: text for name, text in zip(_CSV, row, strict=False) if text}
    tree["time"] = tree.get("log_time")
    component = tree.get("application_name") or tree.get("backend_type")
    message = str(tree.get("message") or "")
    return Read(message, str(component) if component else None, str(tree.get("error_severity") or "") or None, tree)


def _read_tree(line: str, outer: Tree | None, loggers: Sequence[str]) -> Read | None:
    tree = tree_of(line)
    if tree is not None:
        return _read(tree, loggers)
    if not outer or not (_first(outer, _LEVEL) or _first(outer, loggers)):
        return None
    read = _read(outer, loggers)
    return read._replace(content=line.strip())


def _read(tree: Tree, loggers: Sequence[str]) -> Read:
    lower = {str(key).lower(): value for key, value in tree.items()} | tree
    message, level, logger, time = (_named(lower, names) for names in (_MESSAGE, _LEVEL, loggers, _TIME))
    content = _text(message[1]) if message else ""
    if not content.strip():
        known = {item[0] for item in (level, logger, time) if item}
        content = " ".join(f"{key}={_quoted(_text(value))}" for key, value in _leaves(tree) if key.lower() not in known)
    component = _LINE.sub("", _text(logger[1])) if logger else None
    values = {**tree, **({"time": time[1]} if time else {}), **({"component": component} if component else {})}
    return Read(content.strip(), component or None, (_text(level[1]) if level else None) or None, values)


def _named(tree: Tree, names: Sequence[str]) -> tuple[str, object] | None:
    """The first of these fields that has a value, and its name in lower case."""
    for name in names:
        for each in (name, name.lower()):
            value = value_at(tree, each)
            if value not in (None, "") and not isinstance(value, dict):
                return each.lower(), value
    return None


def _first(tree: Tree, names: Sequence[str]) -> object:
    found = _named(tree, names)
    return found[1] if found else None


def _leaves(tree: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}.")
        elif value is not None:
            yield f"{prefix}{key}", value


def _text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _quoted(text: str) -> str:
    return f'"{text}"' if not text or any(map(str.isspace, text)) else text


def _unquoted(text: str) -> str:
    return _ESCAPE.sub(lambda found: _ESCAPES.get(found[1], found[1]), text) if "\\" in text else text
