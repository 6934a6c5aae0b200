"""Envelopes that hold a list of lines: OpenTelemetry's batches, Loki's push requests, CloudWatch's subscriptions."""

from __future__ import annotations

from collections.abc import Iterator

from fusionlog.parsing.envelopes import otlp
from fusionlog.utils.json_format import Tree

NAMES = frozenset({*otlp.SIGNALS, "streams", "logEvents", "entry"})
"""Fields that may hold such a list."""


def is_log_records(tree: Tree) -> bool:
    """Whether an object is a batch of OpenTelemetry, of whichever signal."""
    return any(isinstance(tree.get(name), list) for name in otlp.SIGNALS)


def entries(tree: Tree) -> list[Tree] | None:
    """The lines of an object of Loki's clients or CloudWatch, an envelope each; None where it is another."""
    streams, events, entry = tree.get("streams"), tree.get("logEvents"), tree.get("entry")
    if isinstance(entry, dict) and isinstance(entry.get("line"), str):
        return [{**tree, **entry}]
    if isinstance(streams, list):
        return list(_of_loki(streams)) or None
    if isinstance(events, list):
        group = {name: tree[name] for name in ("logGroup", "logStream") if name in tree}
        return [{**group, **event} for event in events if isinstance(event, dict) and "message" in event] or None
    return None


def _of_loki(streams: list[object]) -> Iterator[Tree]:
    for stream in streams:
        labels = stream.get("stream") if isinstance(stream, dict) else None
        values = stream.get("values") if isinstance(stream, dict) else None
        for value in values if isinstance(labels, dict) and isinstance(values, list) else ():
            if isinstance(value, list) and len(value) > 1 and isinstance(value[1], str):
                yield {"labels": labels, "timestamp": value[0], "line": value[1]}
