"""The lines of a sample's records: envelopes of shippers are opened, an application's own JSON lines stay whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from fusionlog.errors import RecordError
from fusionlog.onboarding.sample import SampleRecord
from fusionlog.parsing.envelopes import EnvelopeReader, RawLine
from fusionlog.settings import IngestSettings, SystemSettings
from fusionlog.utils.json_format import Tree, tree_of

ENVELOPE_FIELDS = frozenset((
    "kubernetes", "docker", "container", "container_id", "container_name", "stream", "logtag", "source_type",
    "@metadata", "fileset", "input", "partial_message", "__REALTIME_TIMESTAMP", "_HOSTNAME", "programname",
    "syslogtag", "short_message", "sourcetype", "timeUnixNano", "observedTimeUnixNano",
))  # fmt: skip
"""Fields that shippers and collectors write beside a line, and applications do not."""


class OpenedLine(NamedTuple):
    """A line; its time in Unix seconds, where its envelope or Kafka has one; its envelope's fields, and its writer.

    `fields` is None where the line came without an envelope. `wrong_time` is whether it has a time field that cannot
    be its time.
    """

    text: str
    time: float | None
    fields: Tree | None
    source: str | None
    wrong_time: bool


def open_records(
    records: Sequence[SampleRecord], system: SystemSettings, ingest: IngestSettings
) -> tuple[list[OpenedLine], int]:
    """The lines of records, JSON ones of the application whole, and the number of those that cannot be used."""
    lines, dead = [], 0
    for record, read in _read(records, system, ingest):
        good = [line for line in read if isinstance(line, RawLine)]
        dead += len(read) - len(good)
        lines += [_opened(line, _seconds(record), record.value if len(read) == 1 else None) for line in good]
    return lines, dead


def read_lines(records: Sequence[SampleRecord], system: SystemSettings, ingest: IngestSettings) -> list[OpenedLine]:
    """The lines of records as a worker reads them under these settings."""
    return [
        OpenedLine(line.text, line.time if line.time is not None else _seconds(record), line.fields, line.source,
                   line.implausible)
        for record, read in _read(records, system, ingest) for line in read if isinstance(line, RawLine)
    ]  # fmt: skip


def _read(
    records: Sequence[SampleRecord], system: SystemSettings, ingest: IngestSettings
) -> Iterator[tuple[SampleRecord, Sequence[RawLine | RecordError]]]:
    reader = EnvelopeReader(system, ingest)
    for record in records:
        try:
            yield record, reader.read(record.value, _seconds(record))
        except RecordError as error:
            yield record, [error]


def _seconds(record: SampleRecord) -> float | None:
    return record.timestamp / 1000 if record.timestamp > 0 else None


def _opened(raw: RawLine, timestamp: float | None, value: bytes | None) -> OpenedLine:
    time = raw.time if raw.time is not None else timestamp
    fields = raw.fields
    if fields is not None and not ENVELOPE_FIELDS & fields.keys():
        return OpenedLine(_whole(raw, value), time, None, raw.source, raw.implausible)
    return OpenedLine(raw.text, time, fields, raw.source, raw.implausible)


def _whole(raw: RawLine, value: bytes | None) -> str:
    """The application's own JSON line, of which the reader took the message out."""
    text = None if value is None else value.decode(errors="replace").strip()
    if text is not None and tree_of(text) is not None:
        return text
    return msgspec.json.encode({**(raw.fields or {}), "message": raw.text}).decode()
