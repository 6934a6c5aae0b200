"""Shippers' envelopes: the log line of a Kafka record, which is the bare line or a JSON object that holds it.

Detected per record. A JSON object with a string in one of the message fields is an envelope, and is opened once: that
string is the line, JSON or not. So an application's own JSON line is opened too, when it comes without a shipper
around it and has such a field (`{"level":"info","msg":"started"}`): its message is what a person wrote, and nothing in
the record distinguishes it from an envelope. The fields of a system's JSON lines are known where its `json_line` is
set: an envelope around one is opened, the line itself stays whole, and the parser writes it as text. Any other JSON,
or text that only begins like it, is a line of text.

Tolerated: bytes that are not UTF-8 become U+FFFD, as long as the rest is text; terminal colours are removed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from fusionlog.errors import RecordError
from fusionlog.utils.ansi import strip_ansi
from fusionlog.utils.json_format import JsonFormat, Tree, tree_of

TIME_FIELDS = ("@timestamp", "timestamp", "date", "time")
"""Filebeat and Fluent Bit's Kafka output; Vector; Fluent Bit's JSON; Docker and Fluentd."""

UNREADABLE_SHARE = 0.25
"""A record with more control and undecodable characters than this is binary: Avro, MessagePack, UTF-16, gzip."""

_NONE = JsonFormat(None)
_UNREADABLE = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\ufffd]")


class RawLine(NamedTuple):
    """A log line, and the time its envelope gives it, in Unix seconds."""

    text: str
    time: float | None


def read_line(
    value: bytes | None, message_fields: Sequence[str], max_bytes: int = 64 * 1024, json_lines: JsonFormat = _NONE
) -> RawLine:
    """The line of a raw record, without its line break.

    :param message_fields: where an envelope may hold the line; the first that has a string counts.
    :param max_bytes: the longest line, in bytes of UTF-8; an envelope around it may be longer.
    :param json_lines: the format of the system's own JSON lines; one is returned as it is, in JSON.
    :raises RecordError: `empty`: no value, or nothing but blanks; `not-text`: binary; `too-long`.
    """
    if not value:
        raise RecordError("empty", "the record has no value")
    text = _decode(value)
    envelope = tree_of(text)
    raw = RawLine(text, None) if envelope is None else _open(envelope, text, message_fields, json_lines)
    line = strip_ansi(raw.text.rstrip("\r\n"))
    if not line or line.isspace():
        raise RecordError("empty", "the line is blank")
    if len(line) * 4 > max_bytes and len(line.encode()) > max_bytes:
        raise RecordError("too-long", f"the line has {len(line.encode())} bytes, more than {max_bytes}")
    return RawLine(line, raw.time)


def _decode(value: bytes) -> str:
    try:
        text = value.decode()
        if "\x00" not in text:
            return text
    except UnicodeDecodeError:
        text = value.decode(errors="replace")
    unreadable = len(_UNREADABLE.findall(text))
    if unreadable > UNREADABLE_SHARE * len(text):
        raise RecordError("not-text", f"{unreadable} of {len(text)} characters cannot be read as UTF-8 text")
    return text


def _open(envelope: Tree, text: str, message_fields: Sequence[str], json_lines: JsonFormat) -> RawLine:
    field = next((field for field in message_fields if isinstance(envelope.get(field), str)), None)
    message = None if field is None else str(envelope[field])
    if json_lines:
        inside = tree_of(message) if message else None
        holds_one = inside is not None and json_lines.shares(inside)
        if not holds_one and json_lines.is_line(envelope, field, TIME_FIELDS):
            return RawLine(text, _time(envelope))
    return RawLine(text, None) if message is None else RawLine(message, _time(envelope))


def _time(envelope: Tree) -> float | None:
    """The first time field that can be read, in Unix seconds."""
    readings = (_seconds(envelope[field]) for field in TIME_FIELDS if field in envelope)
    return next((seconds for seconds in readings if seconds is not None), None)


def _seconds(value: object) -> float | None:
    if isinstance(value, str):
        return _from_iso(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e20:
        return None
    return _from_number(float(value))


def _from_number(value: float) -> float:
    """Seconds from seconds, milli-, micro- or nanoseconds: shippers write all four, and 1e11 s is the year 5138."""
    for unit in (1.0, 1e3, 1e6):
        if value < 1e11 * unit:
            return value / unit
    return value / 1e9


def _from_iso(text: str) -> float | None:
    """Seconds from ISO 8601; without a zone it is UTC, as shippers write it."""
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
