"""The reader of raw records: bytes to lines, whatever envelope they are in.

| a record | its lines |
|---|---|
| text | one, line breaks within it included: a message of several lines is one |
| JSON object of a shipper | the text of its message field |
| JSON object of OpenTelemetry, of Loki | one for each log record, each entry |
| JSON array of objects; objects one after the other, a line each | one for each object |
| JSON string | the text without quotes and escapes |
| line of a container's log file (CRI) | the text behind its time, stream and tag |

Detected per record. A JSON object with a text in one of the message fields is an envelope, and is opened once: that
text is the line, JSON or not. So an application's own JSON line is opened too, when it comes without a shipper
around it and has such a field (`{"level":"info","msg":"started"}`): its message is what a person wrote, and nothing in
the record distinguishes it from an envelope. The fields of a system's JSON lines are known where its `json_line` is
set: an envelope around one is opened, the line itself stays whole, and the parser writes it as text. Any other JSON,
or text that only begins like it, is a line of text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import msgspec

from fusionlog.errors import RecordError
from fusionlog.parsing.envelopes.decoding import text_of
from fusionlog.parsing.envelopes.raw_line import Partial, RawLine
from fusionlog.parsing.envelopes.shippers import MARKS, TIME_FIELDS, message_of, partial_of
from fusionlog.parsing.envelopes.writers import source_of
from fusionlog.parsing.times import plausible, seconds_of
from fusionlog.settings import IngestSettings, SystemSettings
from fusionlog.utils.ansi import strip_ansi
from fusionlog.utils.json_format import JsonFormat, Tree, json_of, tree_of, value_at
from fusionlog.utils.timezones import zone_of

MAX_LINES = 10_000
"""Lines of a record, at most."""

NO_TIME = "none"
"""The `time_field` of a system whose lines have no time of their own."""

Lines = Sequence[RawLine | RecordError]

_NONE = JsonFormat(None)
_OWN = frozenset(TIME_FIELDS) | MARKS
_CRI = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[^ ]{1,16}) (stdout|stderr) ([PF])(?::\S*)? (.*)", re.DOTALL)


class EnvelopeReader:
    """Reads the raw records of one system."""

    def __init__(self, system: SystemSettings, ingest: IngestSettings) -> None:
        self._json_lines = JsonFormat(system.json_line)
        self._fields, self._max_bytes = ingest.message_fields, ingest.max_line_bytes
        self._encoding = None if system.encoding.lower() in ("utf-8", "utf8", "utf_8") else system.encoding
        self._time_field, self._date_field = system.time_field, system.date_field
        self._zone = zone_of(system.timezone)

    def read(self, value: bytes | None, timestamp: float | None) -> Lines:
        """The lines of a record, in order; a RecordError stands for one that cannot be used.

        :param timestamp: Kafka's, in Unix seconds: it bounds which times are plausible.
        :raises RecordError: `empty`: no value, or nothing but blanks; `not-text`: binary; `too-long`.
        """
        if not value:
            raise RecordError("empty", "the record has no value")
        return self._lines(text_of(value, self._encoding), timestamp, strings=True)

    def _lines(self, text: str, timestamp: float | None, strings: bool) -> Lines:
        first = text[:1] if text[:1] > " " else text.lstrip()[:1]
        if first == "{":
            tree = tree_of(text)
            return self._unread(text, timestamp) if tree is None else self._opened(tree, text, timestamp)
        if first == "[":
            return self._array(text, timestamp)
        if first == '"' and strings:
            inside = json_of(text)
            return self._lines(inside, timestamp, strings=False) if isinstance(inside, str) else [self._bare(text)]
        if first.isdigit() and (found := _CRI.match(text)):
            return [self._of_cri(found, timestamp)]
        return [self._bare(text)]

    def _array(self, text: str, timestamp: float | None) -> Lines:
        try:
            items = [bytes(item).decode() for item in msgspec.json.decode(text, type=list[msgspec.Raw])]
        except (msgspec.DecodeError, RecursionError):
            return [self._bare(text)]
        if not items or items[0].lstrip()[:1] != "{":
            return [self._bare(text)]
        return self._each(items, timestamp)

    def _unread(self, text: str, timestamp: float | None) -> Lines:
        """Objects that follow each other, a line each; else a line of text that begins like one."""
        items = [item for item in text.split("\n") if item.strip()]
        if len(items) > 1 and all(tree_of(item) is not None for item in items):
            return self._each(items, timestamp)
        return [self._bare(text)]

    def _each(self, items: Sequence[str], timestamp: float | None) -> Lines:
        if len(items) > MAX_LINES:
            raise RecordError("too-many-lines", f"the record has {len(items)} lines, more than {MAX_LINES}")
        made: list[RawLine | RecordError] = []
        for item in items:
            try:
                made += self._lines(item, timestamp, strings=True)
            except RecordError as error:
                made.append(RecordError(error.reason, error.detail, error.item or item.encode()))
        return made

    def _opened(self, tree: Tree, text: str, timestamp: float | None) -> Lines:
        field, message = message_of(tree, self._fields)
        inside = tree_of(message) if isinstance(message, str) and (self._json_lines or self._time_field) else None
        if self._json_lines:
            holds_one = inside is not None and self._json_lines.shares(inside)
            if not holds_one and self._json_lines.is_line(tree, field, _OWN):
                return [self._raw(text, tree, tree, timestamp, None)]
        if field is None:
            seconds, implausible = self._named_time(tree, tree, timestamp) if self._time_field else (None, False)
            return [RawLine(self._clean(text), seconds, tree, source_of(tree), None, implausible)]
        line = self._written(message)
        partial = partial_of(tree, line)
        tree.pop(field, None)
        return [self._raw(line, tree, inside or tree, timestamp, partial)]

    def _written(self, message: object) -> str:
        """The line that a message field has.

        :raises RecordError: it has none.
        """
        if isinstance(message, str):
            return message
        if message is None:
            raise RecordError("empty", "the envelope's message is null")
        if isinstance(message, list) and message:
            if all(isinstance(byte, int) and 0 <= byte < 256 for byte in message):
                return text_of(bytes(message), self._encoding)
            if all(isinstance(item, str) for item in message):
                return "\n".join(message)
        return msgspec.json.encode(message).decode()

    def _raw(self, line: str, tree: Tree, inside: Tree, timestamp: float | None, partial: Partial | None) -> RawLine:
        seconds, implausible = self._time(tree, inside, timestamp)
        source = source_of(tree)
        if line[:1].isdigit() and (found := _CRI.match(line)):
            raw = self._of_cri(found, timestamp)
            return raw._replace(time=seconds or raw.time, fields=tree | (raw.fields or {}), source=source)
        return RawLine(self._clean(line), seconds, tree, source, partial, implausible)

    def _of_cri(self, found: re.Match[str], timestamp: float | None) -> RawLine:
        stamp, stream, tag, line = found.groups()
        seconds, implausible = self._first_time([stamp], timestamp)
        fields: Tree = {"time": stamp, "stream": stream, "logtag": tag}
        return RawLine(self._clean(line), seconds, fields, None, Partial(None, tag == "F"), implausible)

    def _time(self, tree: Tree, inside: Tree, timestamp: float | None) -> tuple[float | None, bool]:
        """The time of a line, and whether it has none although a field should have it."""
        if self._time_field is not None:
            if self._time_field == NO_TIME:
                return None, False
            seconds, implausible = self._named_time(tree, inside, timestamp)
            if seconds is not None or implausible:
                return seconds, implausible
        return self._first_time([tree[field] for field in TIME_FIELDS if field in tree], timestamp)

    def _named_time(self, tree: Tree, inside: Tree, timestamp: float | None) -> tuple[float | None, bool]:
        """The time in the system's own field, looked for in the JSON line, then in the envelope."""
        field, date_field = self._time_field or "", self._date_field
        clock = value_at(inside, field) if value_at(inside, field) is not None else value_at(tree, field)
        if clock is None:
            return None, False
        if date_field:
            date = value_at(inside, date_field) or value_at(tree, date_field)
            clock = clock if date is None else f"{date} {clock}"
        return self._first_time([clock], timestamp, clock_alone=True)

    def _first_time(
        self, values: Sequence[object], timestamp: float | None, clock_alone: bool = False
    ) -> tuple[float | None, bool]:
        present = [value for value in values if value not in (None, "")]
        for value in present:
            seconds = seconds_of(value, self._zone, timestamp, clock_alone)
            if seconds is not None and plausible(seconds, timestamp):
                return seconds, False
        return None, bool(present)

    def _bare(self, text: str) -> RawLine:
        return RawLine(self._clean(text))

    def _clean(self, text: str) -> str:
        """A line without its line break and colours.

        :raises RecordError: it is blank or too long.
        """
        line = strip_ansi(text.rstrip("\r\n")).lstrip("\ufeff")
        if not line or line.isspace():
            raise RecordError("empty", "the line is blank")
        if len(line) * 4 > self._max_bytes and len(line.encode()) > self._max_bytes:
            raise RecordError("too-long", f"the line has {len(line.encode())} bytes, more than {self._max_bytes}")
        return line


def read_line(
    value: bytes | None, message_fields: Sequence[str], max_bytes: int = 64 * 1024, json_lines: JsonFormat = _NONE
) -> RawLine:
    """The text and the time of a raw record's first line, by the settings that matter to it.

    :raises RecordError: the record has no line, or the first one cannot be used.
    """
    line = _reader(tuple(message_fields), max_bytes, json_lines.format).read(value, None)[0]
    if isinstance(line, RecordError):
        raise line
    return RawLine(line.text, line.time)


@lru_cache(maxsize=16)
def _reader(message_fields: tuple[str, ...], max_bytes: int, json_line: str | None) -> EnvelopeReader:
    ingest = IngestSettings(message_fields=message_fields, max_line_bytes=max_bytes)
    return EnvelopeReader(SystemSettings(json_line=json_line), ingest)
