"""The lines of a sample's records: envelopes of shippers are opened, an application's own JSON lines stay whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from fusionlog.errors import RecordError
from fusionlog.onboarding.sample import SampleRecord
from fusionlog.parsing.envelopes import EnvelopeReader, RawLine
from fusionlog.parsing.envelopes.shippers import MARKS
from fusionlog.parsing.joining import Joiner, Piece
from fusionlog.parsing.parser import Parser
from fusionlog.settings import IngestSettings, SystemSettings
from fusionlog.utils.json_format import Tree, tree_of

ENVELOPE_FIELDS = frozenset((
    "kubernetes", "docker", "container", "container_id", "container_name", "stream", "logtag", "source_type",
    "@metadata", "fileset", "input", "partial_message", "__REALTIME_TIMESTAMP", "_HOSTNAME", "programname",
    "syslogtag", "short_message", "sourcetype", "timeUnixNano", "observedTimeUnixNano",
))  # fmt: skip
"""Fields that shippers and collectors write beside a line, and applications do not."""

LEVELS = frozenset(
    ("level", "severity", "loglevel", "log_level", "levelname", "lvl", "log.level", "@l", "severity_text")
)


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
    pieces, dead = [], 0
    for record, read in _read(records, system, ingest):
        whole = record.value if len(read) == 1 else None
        for index, line in enumerate(read):
            if isinstance(line, RawLine):
                pieces.append(_piece(record, index, line, _opened(line, _seconds(record), whole)))
            else:
                dead += 1
    return _joined(pieces, Joiner(system.multiline, ingest.max_line_bytes)), dead


def read_lines(
    records: Sequence[SampleRecord], parser: Parser, system: SystemSettings, ingest: IngestSettings
) -> list[OpenedLine]:
    """The lines of records as a worker reads and joins them under these settings."""
    pieces = [
        _piece(record, index, line, _as_read(line, _seconds(record)))
        for record, read in _read(records, system, ingest)
        for index, line in enumerate(read)
        if isinstance(line, RawLine)
    ]
    return _joined(pieces, Joiner(system.multiline, ingest.max_line_bytes, parser.matches))


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


def _piece(record: SampleRecord, index: int, raw: RawLine, line: OpenedLine) -> Piece[OpenedLine]:
    source = (record.partition, raw.source if raw.source is not None else record.key)
    return Piece((record.offset, index), source, line.text, _seconds(record) or 0.0, raw.partial, line)


def _joined(pieces: Sequence[Piece[OpenedLine]], joiner: Joiner[OpenedLine]) -> list[OpenedLine]:
    """The lines that pieces make: those that a runtime cut, and those that continue another."""
    lines = [line for piece in pieces for line in joiner.push(piece)] + list(joiner.flush())
    return [line.payload._replace(text=line.text) for line in lines]


def _as_read(raw: RawLine, timestamp: float | None) -> OpenedLine:
    time = raw.time if raw.time is not None else timestamp
    return OpenedLine(raw.text, time, raw.fields, raw.source, raw.implausible)


def _opened(raw: RawLine, timestamp: float | None, value: bytes | None) -> OpenedLine:
    """A line as it is read; of a JSON line without a shipper's envelope the whole."""
    line = _as_read(raw, timestamp)
    if raw.fields is None or _is_envelope(raw.fields):
        return line
    return line._replace(text=_whole(raw, value), fields=None)


def _is_envelope(fields: Tree) -> bool:
    """Whether a shipper wrote the fields beside a line: one that only shippers write, or theirs without a level."""
    if ENVELOPE_FIELDS & fields.keys() or isinstance(fields.get("agent"), dict):
        return True
    return bool(MARKS & fields.keys()) and not LEVELS & {name.lower() for name in fields}


def _whole(raw: RawLine, value: bytes | None) -> str:
    """The application's own JSON line, of which the reader took the message out."""
    text = None if value is None else value.decode(errors="replace").strip()
    if text is not None and tree_of(text) is not None:
        return text
    return msgspec.json.encode({**(raw.fields or {}), "message": raw.text}).decode()
