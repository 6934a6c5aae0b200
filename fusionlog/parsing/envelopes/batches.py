"""Envelopes that hold others: OpenTelemetry's batches, Loki's push requests, CloudWatch's subscriptions, Azure's
diagnostic settings, Kafka Connect's records with a schema.
"""

from __future__ import annotations

from collections.abc import Iterator

from fusionlog.parsing.envelopes import otlp
from fusionlog.utils.json_format import Tree, objects

NAMES = frozenset({*otlp.SIGNALS, "streams", "logEvents", "entry", "records", "payload"})
"""Fields that may hold others."""


def is_log_records(tree: Tree) -> bool:
    """Whether an object is a batch of OpenTelemetry, of whichever signal."""
    return any(isinstance(tree.get(name), list) for name in otlp.SIGNALS)


def entries(tree: Tree) -> list[Tree] | None:
    """The envelopes within another one; None where there are none."""
    entry = tree.get("entry")
    if isinstance(entry, dict) and isinstance(entry.get("line"), str):
        return [{**tree, **entry}]
    if isinstance(tree.get("streams"), list):
        return list(_of_loki(tree["streams"])) or None
    if isinstance(tree.get("logEvents"), list):
        group = {name: tree[name] for name in ("logGroup", "logStream") if name in tree}
        return [{**group, **event} for event in objects(tree["logEvents"]) if "message" in event] or None
    if tree.keys() == {"records"}:
        return list(objects(tree["records"])) or None
    if tree.keys() == {"schema", "payload"} and isinstance(tree["schema"], dict):
        payload = tree["payload"]
        return [payload] if isinstance(payload, dict) else [{"message": payload}] if isinstance(payload, str) else None
    return None


def _of_loki(streams: object) -> Iterator[Tree]:
    for stream in objects(streams):
        labels, values = stream.get("stream"), stream.get("values")
        for value in values if isinstance(labels, dict) and isinstance(values, list) else ():
            if isinstance(value, list) and len(value) > 1 and isinstance(value[1], str):
                yield {"labels": labels, "timestamp": value[0], "line": value[1]}
