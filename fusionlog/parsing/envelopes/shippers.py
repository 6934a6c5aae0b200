"""The JSON objects of shippers: the line that one holds, whether that is a piece, and what marks an envelope."""

from __future__ import annotations

from collections.abc import Sequence

from fusionlog.parsing.envelopes.raw_line import Partial
from fusionlog.parsing.envelopes.writers import STREAMS
from fusionlog.utils.json_format import Tree

TIME_FIELDS = (
    "@timestamp", "timestamp", "date", "time", "_SOURCE_REALTIME_TIMESTAMP", "__REALTIME_TIMESTAMP", "timereported",
    "timegenerated", "ts",
)  # fmt: skip
"""Filebeat, Logstash and Fluent Bit's Kafka output; Vector; Fluent Bit's JSON; Docker and Fluentd; journald; rsyslog;
Loki's clients."""

MARKS = frozenset(
    {
        "kubernetes", "docker", "container", "container_id", "container_name", "container_image", "stream",
        "source_type", "agent", "ecs", "host", "hostname", "input", "fileset", "tag", "tags", "labels", "file", "path",
        "resource", "attributes", "scope", "@metadata", "@version", "_HOSTNAME", "_SYSTEMD_UNIT", "_PID",
        "programname", "syslogtag",
    }
)  # fmt: skip
"""Fields that shippers put beside a line: a system's JSON line is not recognised by them."""

_SURE = frozenset(
    {"@timestamp", "@version", "@metadata", "kubernetes", "docker", "container_id", "__REALTIME_TIMESTAMP"}
)
"""Fields that applications do not write: beside one of them the message field is the line, whatever its type."""

SPECIAL_FIELDS = frozenset({"short_message", "line", "entry", "event", "event.original", "MESSAGE"})
"""Fields of which shippers have the line in their own way."""

PARTIAL_FIELDS = frozenset({"logtag", "_p", "_partial", "partial_message", "CONTAINER_PARTIAL_MESSAGE"})
DOCKER_FIELDS = frozenset({"log", "stream", "time", "attrs"})
RUNTIME_CUT = 16 * 1024
"""Docker and containerd cut lines at this many bytes. In Docker's own file a shorter line without a line break is the
last that a process wrote; behind a shipper that dropped the runtime's mark, a text of just this size is a piece.
"""

_LAST = Partial(None, last=True)


def message_of(tree: Tree, fields: Sequence[str]) -> tuple[str | None, object]:
    """The field that holds the line, and its value: the first that is a text and not blank.

    Without one: a blank text; another value, where the object is surely an envelope; else no field.
    """
    for field in fields:
        value = tree.get(field)
        if isinstance(value, str) and value and not value.isspace():
            return field, value
    special = None if SPECIAL_FIELDS.isdisjoint(tree) else _special(tree)
    return special or _blank(tree, fields) or (None, None)


def _special(tree: Tree) -> tuple[str, object] | None:
    """The line of GELF, of Loki's clients, of Splunk's collector, of Logstash and of journald."""
    short = tree.get("short_message")
    if isinstance(short, str):
        full = tree.get("full_message")
        return "short_message", _whole(short, full if isinstance(full, str) else "")
    for field in ("line", "entry") if _has_labels(tree) else ():
        value = tree.get(field)
        if isinstance(value, str):
            return field, value
    event = tree.get("event")
    if "sourcetype" in tree and event is not None:
        return "event", event
    original = event.get("original") if isinstance(event, dict) else tree.get("event.original")
    if isinstance(original, str):
        return "event.original", original
    listed = tree.get("MESSAGE")
    return ("MESSAGE", listed) if isinstance(listed, list) else None


def _has_labels(tree: Tree) -> bool:
    return isinstance(tree.get("labels"), dict) or isinstance(tree.get("stream"), dict)


def _whole(short: str, full: str) -> str:
    """GELF's full message, which may have the short one in it, or come behind it."""
    return full if short in full else f"{short}\n{full}".rstrip("\n")


def _blank(tree: Tree, fields: Sequence[str]) -> tuple[str, object] | None:
    """The first message field there is, if that makes a line: one of a text that is blank, or of an envelope."""
    sure = not _SURE.isdisjoint(tree)
    return next(
        ((field, tree[field]) for field in fields if field in tree and (sure or isinstance(tree[field], str))), None
    )


def partial_of(tree: Tree, message: str) -> Partial | None:
    """The place of a message in a line that the runtime cut; None of a stream whose lines are whole."""
    if not PARTIAL_FIELDS.isdisjoint(tree):
        return _marked(tree)
    if tree.keys() <= DOCKER_FIELDS and tree.get("stream") in STREAMS and isinstance(tree.get("time"), str):
        return Partial(None, message.endswith("\n") or len(message.encode()) < RUNTIME_CUT)
    if tree.get("stream") in STREAMS and message[-1:] != "\n" and len(message.encode()) == RUNTIME_CUT:
        return Partial(None, last=False)
    return _LAST if tree.get("source") in STREAMS and "container_id" in tree else None


def _marked(tree: Tree) -> Partial | None:
    """By the marks of CRI (as Fluent Bit names them), of Vector, and of Docker's drivers for Fluentd and journald."""
    tag = tree.get("logtag", tree.get("_p"))
    if isinstance(tag, str):
        return Partial(None, not tag.startswith("P"))
    if "_partial" in tree:
        return Partial(None, not _true(tree["_partial"]))
    prefix = "partial_" if "partial_message" in tree else "CONTAINER_PARTIAL_"
    key = "id" if prefix.islower() else "ID"
    last = "last" if prefix.islower() else "LAST"
    name = tree.get(prefix + key)
    return Partial(None if name is None else str(name), _true(tree.get(prefix + last)))


def _true(value: object) -> bool:
    return value is True or str(value).lower() in ("true", "1")
