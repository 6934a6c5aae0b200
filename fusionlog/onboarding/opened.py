"""The lines of a sample's records: shippers' envelopes are opened, and keep their fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fusionlog.data.timestamps import line_time
from fusionlog.errors import RecordError
from fusionlog.onboarding.sample import SampleRecord
from fusionlog.parsing.envelopes import read_line
from fusionlog.settings import IngestSettings
from fusionlog.utils.json_format import Tree, tree_of

SHIPPER_FIELDS = frozenset((
    "kubernetes", "docker", "stream", "container_name", "container_id", "source_type", "@metadata", "agent", "fluent",
    "_HOSTNAME", "__REALTIME_TIMESTAMP", "short_message", "host", "file", "labels", "tag", "pod", "namespace",
))  # fmt: skip
"""Fields that a shipper writes beside the line; an object with a message and none of them is the application's own."""


class OpenedLine(NamedTuple):
    """A line, its time in Unix seconds, and the fields of its envelope; None where it had none."""

    text: str
    time: float | None
    fields: Tree | None


def open_records(
    records: Sequence[SampleRecord], ingest: IngestSettings, encoding: str = "utf-8"
) -> tuple[list[OpenedLine], int]:
    """The lines of records, and the number of records that cannot be used."""
    lines, dead = [], 0
    for record in records:
        try:
            lines.append(_open(_recoded(record.value, encoding), record.timestamp, ingest))
        except RecordError:
            dead += 1
    return lines, dead


def _recoded(value: bytes | None, encoding: str) -> bytes | None:
    if value is None or encoding == "utf-8":
        return value
    return value.decode(encoding, errors="replace").encode()


def _open(value: bytes | None, timestamp: int, ingest: IngestSettings) -> OpenedLine:
    raw = read_line(value, ingest.message_fields, ingest.max_line_bytes)
    whole = (value or b"").decode(errors="replace").strip()
    kafka = timestamp / 1000 if timestamp > 0 else None
    tree = tree_of(whole)
    if tree is None:
        return OpenedLine(raw.text, kafka if kafka is not None else line_time(raw.text), None)
    time = raw.time if raw.time is not None else kafka
    if raw.text == whole or not SHIPPER_FIELDS & tree.keys():
        return OpenedLine(whole, time, None)
    return OpenedLine(raw.text, time, {name: each for name, each in tree.items() if name not in ingest.message_fields})
