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

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import islice

import msgspec

from fusionlog.errors import RecordError
from fusionlog.parsing.envelopes import batches, journal, otlp
from fusionlog.parsing.envelopes.decoding import BYTE_ORDER_MARK, text_of
from fusionlog.parsing.envelopes.line_times import LineTimes
from fusionlog.parsing.envelopes.pieces import CriLine, UnfinishedLines, cri_line, identified
from fusionlog.parsing.envelopes.raw_line import Partial, RawLine
from fusionlog.parsing.envelopes.shapes import Shape, shape_of
from fusionlog.parsing.envelopes.shippers import MARKS, RUNTIME_CUT, TIME_FIELDS, message_of, partial_of
from fusionlog.settings import IngestSettings, SystemSettings
from fusionlog.utils.ansi import strip_ansi
from fusionlog.utils.json_format import JsonFormat, JsonLine, Tree, json_of, tree_of

MAX_LINES = 10_000
"""Lines of a record, at most."""

UTF8 = frozenset({"utf-8", "utf8", "utf_8", "u8"})

Lines = Sequence[RawLine | RecordError]
Fields = Sequence[str]

_NONE = JsonFormat(None)
_OWN = frozenset(TIME_FIELDS) | MARKS
_BRACE, _UNDERSCORE = ord("{"), ord("_")
_BEGINNINGS = frozenset(b' \t\r\n\x0b\x0c"[{\xef\xfe\xff')
"""First bytes of what may be no bare line; a CRI line begins with a digit."""

_CRI_STREAM = slice(20, 46)
"""Where the stream of a CRI line begins, behind its time."""

_LONG = RUNTIME_CUT // 4

_object_of = msgspec.json.Decoder(Tree).decode


class EnvelopeReader:
    """Reads the raw records of one system."""

    def __init__(self, system: SystemSettings, ingest: IngestSettings) -> None:
        self._json_lines = JsonFormat(system.json_line)
        self._fields, self._max_bytes = ingest.message_fields, ingest.max_line_bytes
        self._encoding = None if system.encoding.lower() in UTF8 else system.encoding
        self._times, self._unfinished = LineTimes(system), UnfinishedLines()
        self._looks_inside = bool(self._json_lines) or system.time_field is not None

    def read(self, value: bytes | None, timestamp: float | None) -> Lines:
        """The lines of a record, in order; a RecordError stands for one that cannot be used.

        :param timestamp: Kafka's, in Unix seconds: it bounds which times are plausible; None: it has none.
        :raises RecordError: `empty`: no value, or nothing but blanks; `not-text`: binary; `not-logs`; `too-long`;
            `too-many-lines`.
        """
        if not value:
            raise RecordError("empty", "the record has no value")
        first = value[0]
        if first == _BRACE and self._encoding is None:
            try:
                return self._opened(_object_of(value), value, timestamp)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                pass
        if first == otlp.PROTO_START and (batch := otlp.batch_of_proto(value)):
            return self._log_records(batch, timestamp)
        if first == _UNDERSCORE and (entries := journal.entries_of(value)):
            return self._all(self._of_journal(timestamp), entries)
        text = text_of(value, self._encoding)
        if self._encoding is None and first not in _BEGINNINGS and " std" not in text[_CRI_STREAM]:
            return [RawLine(self._clean(text))]
        return self._lines(text, timestamp)

    def _lines(self, text: str, timestamp: float | None, depth: int = 0) -> Lines:
        """The lines of a text: of a record, or of what is in an array or a JSON string.

        :param depth: an array counts 1, a string 2; neither is opened within a string, nor an array within an array.
        """
        first = text[:1] if text[:1] > " " else text.lstrip()[:1]
        if first == "{":
            tree = tree_of(text)
            return self._unread(text, timestamp) if tree is None else self._opened(tree, text, timestamp)
        if first == "[" and depth == 0 and (items := _elements(text)):
            return self._each(items, timestamp)
        if first == '"' and depth < 2 and isinstance(inside := json_of(text), str):
            return self._lines(inside, timestamp, 2)
        cri = cri_line(text)
        return [self._of_cri(cri, {}, timestamp, ()) if cri else RawLine(self._clean(text))]

    def _unread(self, text: str, timestamp: float | None) -> Lines:
        """Objects that follow each other, a line each; else a line of text that begins like one."""
        items = [item for item in text.split("\n") if item.strip()]
        if len(items) > 1 and all(tree_of(item) is not None for item in items):
            return self._each(items, timestamp)
        return [RawLine(self._clean(text))]

    def _each(self, items: Sequence[str], timestamp: float | None) -> Lines:
        _check_number(len(items))
        made: list[RawLine | RecordError] = []
        for item in items:
            try:
                made += self._lines(item, timestamp, 1)
            except RecordError as error:
                made.append(RecordError(error.reason, error.detail, item.encode()))
        _check_number(len(made))
        return made

    def _opened(self, tree: Tree, record: str | bytes | None, timestamp: float | None) -> Lines:
        shape = shape_of(tuple(tree))
        if shape.batch:
            if batches.is_log_records(tree):
                return self._log_records(tree, timestamp)
            if (entries := batches.entries(tree)) is not None:
                return self._all(lambda entry: self._open(entry, None, timestamp, shape_of(tuple(entry))), entries)
        return [self._open(tree, record, timestamp, shape)]

    def _log_records(self, batch: Tree, timestamp: float | None) -> Lines:
        return self._all(
            lambda record: self._of_log_record(record, timestamp), list(islice(otlp.envelopes(batch), MAX_LINES + 1))
        )

    def _of_journal(self, timestamp: float | None) -> Callable[[Tree], RawLine]:
        def read(entry: Tree) -> RawLine:
            if "MESSAGE" not in entry:
                raise RecordError("empty", "the entry of the journal has no MESSAGE")
            return self._open(entry, None, timestamp, shape_of(tuple(entry)))

        return read

    def _all(self, read: Callable[[Tree], RawLine], envelopes: Sequence[Tree]) -> Lines:
        if not envelopes:
            raise RecordError("empty", "the record holds no line")
        _check_number(len(envelopes))
        made: list[RawLine | RecordError] = []
        for envelope in envelopes:
            item = dict(envelope)
            try:
                made.append(read(envelope))
            except RecordError as error:
                made.append(RecordError(error.reason, error.detail, msgspec.json.encode(item)))
        return made

    def _open(self, tree: Tree, record: str | bytes | None, timestamp: float | None, shape: Shape) -> RawLine:
        """The line of an object: its message, or the object itself where it has none, or is the system's own line.

        :param record: the object's text, None where it is not known.
        """
        field, message = message_of(tree, self._fields)
        inside = self._inside(message) if self._looks_inside else None
        if field is None or (self._json_lines and self._is_own(tree, field, inside)):
            times = shape.times if self._json_lines else ()
            return self._whole(_json(tree) if record is None else _text(record), tree, timestamp, times, shape)
        line = message if type(message) is str else self._written(field, message)
        partial = partial_of(tree, line) if shape.pieces or len(line) >= _LONG else None
        tree.pop(field, None)
        return self._line(line, tree, inside, timestamp, shape.times, shape, partial)

    def _of_log_record(self, tree: Tree, timestamp: float | None) -> RawLine:
        body, shape = tree["body"], shape_of(tuple(tree))
        if self._json_lines.names("body"):
            return self._whole(_json(tree), tree, timestamp, otlp.TIME_FIELDS, shape)
        del tree["body"]
        line, rest = self._of_body(body)
        inside = self._inside(body) if self._looks_inside else None
        return self._line(line, {**tree, **rest}, inside, timestamp, otlp.TIME_FIELDS, shape, None)

    def _of_body(self, body: object) -> tuple[str, Tree]:
        """The line of a log record's body, and the fields beside it: a structured one is read like an object."""
        if not isinstance(body, dict) or (self._json_lines and self._json_lines.shares(body)):
            return self._written("body", body), {}
        field, message = message_of(body, self._fields)
        if field is None:
            return _json(body), {}
        return self._written(field, message), {name: value for name, value in body.items() if name != field}

    def _inside(self, message: object) -> Tree | None:
        return message if isinstance(message, dict) else tree_of(message) if isinstance(message, str) else None

    def _is_own(self, tree: Tree, field: str, inside: Tree | None) -> bool:
        """Whether an object is the system's own JSON line, not an envelope around one."""
        holds_one = inside is not None and self._json_lines.shares(inside)
        return not holds_one and self._json_lines.is_line(tree, field, _OWN)

    def _written(self, field: str, message: object) -> str:
        """The line of a message of any type.

        :raises RecordError: `empty`: it is null, or has nothing in it.
        """
        if message is None or message == [] or message == {}:
            raise RecordError("empty", f"the {field} of the envelope is {_json(message)}")
        if isinstance(message, str):
            return message
        if isinstance(message, list) and message and all(isinstance(item, str) for item in message):
            return "\n".join(message)
        if field == "MESSAGE" and isinstance(message, list) and all(_is_byte(item) for item in message):
            return text_of(bytes(message), self._encoding)
        return _json(message)

    def _whole(self, text: str, tree: Tree, timestamp: float | None, times: Fields, shape: Shape) -> RawLine:
        """The line of an object that is one itself."""
        line = self._clean(text)
        seconds, implausible = self._times.find(tree, None, timestamp, times)
        source = shape.writer(tree) if shape.writer else None
        fields = JsonLine(line, tree) if self._json_lines else tree
        return RawLine(line, seconds, fields, source, None, implausible)

    def _line(
        self, line: str, tree: Tree, inside: Tree | None, timestamp: float | None, times: Fields, shape: Shape,
        partial: Partial | None,
    ) -> RawLine:  # fmt: skip
        """A line with what its envelope has about it; a runtime's own envelope may be around the line itself."""
        if line[10:11] == "T" and "logtag" not in tree and (cri := cri_line(line)):
            return self._of_cri(cri, tree, timestamp, times)
        seconds, implausible = self._times.find(tree, inside, timestamp, times)
        source = shape.writer(tree) if shape.writer else None
        if line[:1] == " " and ("syslogtag" in tree or "programname" in tree):
            line = line[1:]
        if partial is None:
            return RawLine(self._clean(line), seconds, tree, source, None, implausible)
        partial = identified(partial, source, tree)
        text = self._text(line) if self._unfinished.add(source, partial) else self._clean(line)
        return RawLine(text, seconds, tree, source, partial, implausible)

    def _of_cri(self, cri: CriLine, envelope: Tree, timestamp: float | None, times: Fields) -> RawLine:
        tree = {**envelope, **cri.fields}
        inside = tree_of(cri.text) if self._looks_inside else None
        return self._line(cri.text, tree, inside, timestamp, (*times, "time"), shape_of(tuple(tree)), cri.partial)

    def _clean(self, text: str) -> str:
        """A line without its line break, colours and byte order mark.

        :raises RecordError: it is blank or too long.
        """
        line = self._text(text)
        if not line or line.isspace():
            raise RecordError("empty", "the line is blank")
        return line

    def _text(self, text: str) -> str:
        line = strip_ansi(text.rstrip("\r\n"))
        if line[:1] == BYTE_ORDER_MARK:
            line = line.lstrip(BYTE_ORDER_MARK)
        if len(line) * 4 > self._max_bytes and len(line.encode()) > self._max_bytes:
            raise RecordError("too-long", f"the line has {len(line.encode())} bytes, more than {self._max_bytes}")
        return line


def _check_number(lines: int) -> None:
    if lines > MAX_LINES:
        raise RecordError("too-many-lines", f"the record has {lines} lines, more than {MAX_LINES}")


def _elements(array: str) -> list[str]:
    """The elements of a JSON array of records, each in JSON, `null` as a blank; none where the text is another."""
    try:
        items = [bytes(item).decode() for item in msgspec.json.decode(array, type=list[msgspec.Raw])]
    except RecursionError:
        return []
    except msgspec.DecodeError:
        listed = json_of(array)
        items = [_json(item) for item in listed] if isinstance(listed, list) else []
    return ["" if item == "null" else item for item in items] if items and items[0][:1] == "{" else []


def _text(record: str | bytes) -> str:
    return record if isinstance(record, str) else record.decode()


def _is_byte(value: object) -> bool:
    return isinstance(value, int) and 0 <= value < 256


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


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
