"""A sample of a raw topic: the lines of a file, Kafka records written as JSON lines, or the newest of a topic."""

from __future__ import annotations

import gzip
import re
import sys
import zlib
from base64 import b64decode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BufferedReader, FileIO
from itertools import islice
from pathlib import Path

import msgspec

from fusionlog.errors import DataError
from fusionlog.parsing.times import EARLIEST, seconds_of

FORM = 'each line of a .jsonl file of Kafka records is {"value": text or null, "key": text, "timestamp": milliseconds}'
UTF16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
HEAD_BYTES = 100
_DATED = re.compile(
    r"\d{4}([-/.])\d\d\1\d\d[T _]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"
    r"|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?: \d{4}\b)?"
    r"|\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d(?: [+-]\d{4})?"
    r"|^\d{6} \d{6}\b"
)
_JSON = re.compile(rb'\s*(?:\{|"|\[\s*[{"])')
STEP = 0.1
"""Seconds between two lines of a file where a line has no time that can be read."""


@dataclass(slots=True)
class SampleRecord:
    """A record of a raw topic, named as Kafka's consumers do; `timestamp` is in milliseconds, -1 where unknown."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    partition: int = 0


class _Written(msgspec.Struct, forbid_unknown_fields=True):
    """A Kafka record as a line of JSON."""

    value: str | dict[str, object] | list[object] | None = None
    value_base64: str | None = None
    key: str | None = None
    timestamp: int | None = None
    partition: int = 0
    offset: int | None = None
    topic: str | None = None
    headers: object = None


def read_sample(path: Path, limit: int | None = None) -> list[SampleRecord]:
    """The records of a file: a line each, or Kafka records where a `.jsonl` file holds them.

    :param limit: the first so many records are read; None: all.
    :raises DataError: the file cannot be read, or some lines of a `.jsonl` file are Kafka records and others are not.
    """
    try:
        with _opened(path) as file:
            lines = list(islice(_lines(file), limit))
    except (OSError, EOFError, zlib.error) as error:
        problem = getattr(error, "strerror", None) or error
        raise DataError(path, f"cannot be read: {problem}", "name a log file, or - for the standard input") from error
    return kafka_records(path, lines) if is_kafka(path, lines) else line_records(lines)


def read_stream(stream: BufferedReader, limit: int | None = None) -> list[SampleRecord]:
    """The records of a stream of lines, such as the standard input."""
    return line_records(list(islice(_lines(stream), limit)))


def read_standard_input(limit: int | None = None) -> list[SampleRecord]:
    """The records of the standard input, of which a pipe may still be writing."""
    return read_stream(BufferedReader(FileIO(sys.stdin.fileno(), closefd=False)), limit)


def line_records(lines: Sequence[bytes]) -> list[SampleRecord]:
    """A record for each line. The timestamp of a bare line is the time it begins with, as a shipper's would be."""
    now, records = 0.0, []
    for offset, line in enumerate(lines):
        bare = _JSON.match(line) is None
        time = leading_time(line[:HEAD_BYTES].decode(errors="replace")) if bare else None
        now = now + STEP if time is None else time
        records.append(SampleRecord(offset, round(now * 1000) if bare and now >= EARLIEST else -1, None, line))
    return records


def leading_time(head: str) -> float | None:
    """Unix seconds of the date and clock that a line begins with; without a zone they are in UTC."""
    found = _DATED.search(head)
    return None if found is None else seconds_of(found.group())


def is_kafka(path: Path, lines: Sequence[bytes]) -> bool:
    """Whether a file is named `.jsonl` and its first line is a Kafka record."""
    if not path.name.removesuffix(".gz").endswith(".jsonl") or not lines:
        return False
    try:
        return "value" in msgspec.json.decode(lines[0]) and _decoded(lines[0]) is not None
    except (msgspec.DecodeError, TypeError, UnicodeError, RecursionError):
        return False


def kafka_records(path: Path, lines: Iterable[bytes]) -> list[SampleRecord]:
    """Kafka records that are written as JSON lines.

    :raises DataError: a line is none.
    """
    records = []
    for number, line in enumerate(lines):
        try:
            records.append(_record(number, _decoded(line)))
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise DataError(path, f"line {number + 1} is no Kafka record: {error}", FORM) from error
    return records


def _decoded(line: bytes) -> _Written:
    return msgspec.json.decode(line, type=_Written)


def _record(number: int, written: _Written) -> SampleRecord:
    value = written.value
    if written.value_base64 is not None:
        content: bytes | None = b64decode(written.value_base64, validate=True)
    elif value is None or isinstance(value, str):
        content = None if value is None else value.encode(errors="surrogatepass")
    else:
        content = msgspec.json.encode(value)
    return SampleRecord(
        offset=number if written.offset is None else written.offset,
        timestamp=-1 if written.timestamp is None else written.timestamp,
        key=None if written.key is None else written.key.encode(),
        value=content,
        partition=written.partition,
    )


def _opened(path: Path) -> BufferedReader:
    return BufferedReader(gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb", buffering=0))


def _lines(file: BufferedReader) -> Iterator[bytes]:
    """The lines of a file without their ends. A blank line is none: shippers send no record for it."""
    codec = UTF16.get(file.peek(2)[:2])
    lines = file if codec is None else (line.encode() for line in file.read().decode(codec, "replace").splitlines())
    return (line.rstrip(b"\r\n") for line in lines if line.strip())
