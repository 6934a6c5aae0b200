"""OpenTelemetry's log records: the Collector's encodings `otlp_json` and `otlp_proto`.

Each log record becomes an envelope of its own: its fields, `resource`, `scope` and `attributes` as objects, and the
attributes of the record and of its resource under their own names as well (`service.name`, `log.file.path`).
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from itertools import chain, islice

from fusionlog.errors import RecordError
from fusionlog.utils.json_format import Tree, objects

PROTO_START = 0x0A
"""The first byte of the protobuf encoding: field 1, with a length. In a text it is a line break."""

TIME_FIELDS = ("timeUnixNano", "observedTimeUnixNano")
SIGNALS = ("resourceLogs", "resourceSpans", "resourceMetrics")

_OTHER_SIGNAL = "it holds OpenTelemetry traces or metrics: export only logs to this topic"
_MAX_DEPTH = 32
MAX_FLAT = 128
"""Attributes that are named without `resource` or `attributes` in front, at most: OpenTelemetry's own limit."""

_SCOPES = ("scopeLogs", "instrumentationLibraryLogs")
_IDS = ("traceId", "spanId")


def batch_of_proto(value: bytes) -> Tree | None:
    """A protobuf batch in the form of its JSON; None where the bytes are none with a log record.

    :raises RecordError: `not-logs`: it has the structure of one, but other fields.
    """
    # Workers whose records are text or JSON do not load protobuf.
    from google.protobuf.json_format import MessageToDict
    from google.protobuf.message import DecodeError
    from google.protobuf.unknown_fields import UnknownFieldSet
    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, LogsData

    try:
        batch = LogsData.FromString(value)
        tree: Tree = MessageToDict(batch)
    except (DecodeError, ValueError, RecursionError):
        return None
    records = [record for group in batch.resource_logs for scope in group.scope_logs for record in scope.log_records]
    if not records:
        return None
    known = max(LogRecord.DESCRIPTOR.fields_by_number)
    if any(field.field_number <= known for record in records for field in UnknownFieldSet(record)):
        raise RecordError("not-logs", _OTHER_SIGNAL)
    for record in _records(tree):
        record.update({name: b64decode(str(record[name])).hex() for name in _IDS if name in record})
    return tree


def envelopes(batch: Tree) -> Iterator[Tree]:
    """The log records of a batch, each with the plain value of its `body`.

    :raises RecordError: `not-logs`: they are traces or metrics.
    """
    if "resourceLogs" not in batch:
        raise RecordError("not-logs", _OTHER_SIGNAL)
    for group in objects(batch.get("resourceLogs")):
        resource = _attributes(group.get("resource"))
        for scope_group in _scope_groups(group):
            scope = scope_group.get("scope", scope_group.get("instrumentationLibrary"))
            for record in objects(scope_group.get("logRecords")):
                yield _envelope(record, resource, scope)


def _envelope(record: Tree, resource: Tree, scope: object) -> Tree:
    attributes = _attributes(record)
    body = _value(record.get("body"))
    own = {name: value for name, value in record.items() if name not in ("attributes", "body")}
    flat: Tree = dict(chain(*(islice(each.items(), MAX_FLAT) for each in (resource, attributes))))
    names: Tree = {**flat, **own, "resource": resource, "attributes": attributes}
    if scope:
        names["scope"] = scope
    if body is None and (attributes or "eventName" in record):
        body = {name: value for name, value in (("eventName", record.get("eventName")), *attributes.items()) if value}
    return {**names, "body": body}


def _records(batch: Tree) -> Iterator[Tree]:
    for group in objects(batch.get("resourceLogs")):
        for scope_group in _scope_groups(group):
            yield from objects(scope_group.get("logRecords"))


def _scope_groups(group: Tree) -> Iterator[Tree]:
    for name in _SCOPES:
        yield from objects(group.get(name))


def _attributes(holder: object) -> Tree:
    pairs = holder.get("attributes") if isinstance(holder, dict) else None
    return {str(pair["key"]): _value(pair.get("value")) for pair in objects(pairs) if "key" in pair}


def _value(value: object, depth: int = 0) -> object:
    """The plain value of an AnyValue."""
    if not isinstance(value, dict) or depth > _MAX_DEPTH:
        return None
    kind, content = next(iter(value.items()), ("", None))
    if kind == "arrayValue" and isinstance(content, dict):
        return [_value(item, depth + 1) for item in objects(content.get("values"))]
    if kind == "kvlistValue" and isinstance(content, dict):
        pairs = [pair for pair in objects(content.get("values")) if "key" in pair]
        return {str(pair["key"]): _value(pair.get("value"), depth + 1) for pair in pairs}
    if kind == "intValue" and isinstance(content, str):
        return int(content) if content.lstrip("-").isdecimal() and len(content) <= 20 else content
    if kind == "bytesValue" and isinstance(content, str):
        return _text_of_bytes(content)
    return content


def _text_of_bytes(content: str) -> str:
    """Bytes as text where they are UTF-8, else in base64, as they came."""
    try:
        return b64decode(content, validate=True).decode()
    except ValueError:
        return content
