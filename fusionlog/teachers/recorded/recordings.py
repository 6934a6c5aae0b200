"""Verdicts that a large language model gave once: the files that hold them, and the answer about a unit from them.

A file holds one JSON object a line, of one system or of several; each has `system`, `verdict`, `confidence`, `reason`:

* `{"kind": "window", "sha256", "texts", "anomalous"}`, the answer to the question on one window, found by its lines;
* `{"kind": "session", "events": [[key, count], ...]}`, the verdict on all windows with these counts of events;
* `{"kind": "event", "key", "text", "examples"}`, the verdict on an event by itself, found by its constant words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from fusionlog.errors import DataError
from fusionlog.teachers.base import clip
from fusionlog.teachers.llm.answers import Confidence, Label
from fusionlog.teachers.recorded.event_index import EventIndex
from fusionlog.teachers.recorded.window_index import WindowIndex, from_field, text_hash
from fusionlog.utils.bounded_cache import BoundedCache
from fusionlog.utils.json_format import tree_of

FORM = "see docs/labelling.md, A recorded teacher, for the form of such a file"
UNKNOWN = "unknown"
NO_FAULT = "no event of it is a fault by itself"
UNSURE = 0.5
NORMAL_EVENT = 0.95
"""The confidence that an event of a recorded window is normal where it was not called anomalous: a convention."""
CACHE_ENTRIES = 50_000
SHOWN_CHARS = 200

Name = Annotated[str, Meta(min_length=1)]
Count = Annotated[int, Meta(ge=1)]


class RecordedEvent(Struct, frozen=True, kw_only=True, tag_field="kind", tag="event"):
    """The recorded verdict on an event by itself. `text` is its template, `examples` are lines of it."""

    system: Name
    key: Name
    text: str
    examples: list[str] = []
    verdict: Label
    confidence: Confidence
    reason: str = ""


class RecordedSession(Struct, frozen=True, kw_only=True, tag_field="kind", tag="session"):
    """The recorded verdict on every session with these events and counts, `(key, count)`."""

    system: Name
    events: list[tuple[Name, Count]]
    verdict: Label
    confidence: Confidence
    reason: str = ""


class RecordedWindow(Struct, frozen=True, kw_only=True, tag_field="kind", tag="window", omit_defaults=True):
    """The recorded answer to the question on one window.

    `sha256` begins that of the question. `texts` are the hashes of its lines (see `window_index`), `anomalous` those of
    the events that alone indicate an anomaly, with the confidence. `source` is the recording that the verdict was taken
    over from, where the question itself was not asked.
    """

    system: Name
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{16,64}$")]
    texts: Annotated[str, Meta(pattern=r"^[\w-]{6}(\*[1-9][0-9]{0,8})?( [\w-]{6}(\*[1-9][0-9]{0,8})?)*$")]
    anomalous: dict[str, Confidence] = {}
    verdict: Label
    confidence: Confidence
    reason: str = ""
    source: str = ""


Row = RecordedEvent | RecordedSession | RecordedWindow


class By(StrEnum):
    """The source of a unit's answer: the recorded window, a recorded session, or the recorded events alone."""

    window = "window"
    session = "session"
    events = "events"


class RecordedVerdict(Struct, frozen=True):
    """A verdict with its reason. `known` is false for an event that was never recorded."""

    verdict: Label
    confidence: float
    reason: str
    known: bool = True


class RecordedAnswer(Struct, frozen=True):
    """The answer about a unit: its verdict, the verdicts on its events in their order, and the source.

    `taken_over` is the `source` of the recorded window.
    """

    whole: RecordedVerdict
    events: list[RecordedVerdict]
    by: By
    taken_over: str = ""


class Recording:
    """The recorded verdicts of one system."""

    def __init__(self) -> None:
        self.events: dict[str, RecordedEvent] = {}
        self.sessions: dict[frozenset[tuple[str, int]], RecordedSession] = {}
        self.windows: WindowIndex[RecordedWindow] = WindowIndex()
        self._index = EventIndex()
        self._hashes: BoundedCache[str, str] = BoundedCache(CACHE_ENTRIES)

    def add(self, row: Row) -> None:
        """Add a row; an event comes before the sessions that name it."""
        if isinstance(row, RecordedWindow):
            self.windows.add(from_field(row.texts), row)
            return
        if isinstance(row, RecordedSession):
            self.sessions[frozenset(row.events)] = row
            return
        self.events[row.key] = row
        for text in (*row.examples, row.text):
            self._index.add(text, row.key)

    def find(self, text: str) -> RecordedEvent | None:
        """The event of a line: raw, redacted or cut, or of its template."""
        key = self._index.find(text)
        return self.events[key] if key is not None else None

    def answer(self, events: Sequence[tuple[str, int]]) -> RecordedAnswer:
        """The answer about a unit, given as the texts of its events, each with its number of lines."""
        window = self._window(events) if len(self.windows) else None
        if window is not None:
            of_events = [self._event_of_window(window, text) for text, _ in events]
            return RecordedAnswer(_verdict(window), of_events, By.window, window.source)
        return self._by_kinds(events)

    def _window(self, events: Sequence[tuple[str, int]]) -> RecordedWindow | None:
        texts: Counter[str] = Counter()
        for text, count in events:
            texts[self._hash(text)] += count
        return self.windows.find(texts)

    def _event_of_window(self, window: RecordedWindow, text: str) -> RecordedVerdict:
        """The verdict on an event of a recorded window; on a line that was not sent of it, by its constant words."""
        name = self._hash(text)
        if name in window.anomalous:
            return RecordedVerdict("anomalous", window.anomalous[name], window.reason)
        if name in window.texts:
            return RecordedVerdict("normal", NORMAL_EVENT, "")
        return _event_verdict(self.find(text))

    def _hash(self, text: str) -> str:
        known = self._hashes.get(text)
        if known is None:
            known = text_hash(text)
            self._hashes.put(text, known)
        return known

    def _by_kinds(self, events: Sequence[tuple[str, int]]) -> RecordedAnswer:
        """The answer about a unit that was not recorded: that about its counts of events, else by its events."""
        found = [self.find(text) for text, _ in events]
        verdicts = list(map(_event_verdict, found))
        shape: Counter[str] = Counter()
        for row, (_, count) in zip(found, events, strict=True):
            shape[row.key if row else ""] += count
        session = self.sessions.get(frozenset(shape.items()))
        if session is not None:
            return RecordedAnswer(_verdict(session), verdicts, By.session)
        return RecordedAnswer(union(verdicts), verdicts, By.events)


def union(events: Sequence[RecordedVerdict]) -> RecordedVerdict:
    """The verdict on events together: the most confident anomalous one, else normal with the least confidence."""
    worst = max(
        (each for each in events if each.verdict == "anomalous"), key=lambda each: each.confidence, default=None
    )
    return worst or RecordedVerdict("normal", min((each.confidence for each in events), default=UNSURE), NO_FAULT)


def read_recordings(files: Iterable[Path]) -> dict[str, Recording]:
    """The recordings of all systems in these files, by system.

    :raises DataError: a file cannot be read, or a line of it is no row.
    """
    recordings: dict[str, Recording] = {}
    for path in files:
        for number, row in read_rows(path):
            recording = recordings.setdefault(row.system, Recording())
            _check(path, number, row, recording)
            recording.add(row)
    return recordings


def recording_of(system: str, path: Path) -> Recording:
    """The recording of one system in a file.

    :raises DataError: it cannot be read, or holds no row of the system.
    """
    found = read_recordings([path])
    if system not in found:
        raise DataError(path, f"no row of {system} in it", f"it has {', '.join(found) or 'no row'}")
    return found[system]


def read_rows(path: Path) -> Iterator[tuple[int, Row]]:
    """The rows of a file with the numbers of their lines.

    :raises DataError: it cannot be read, or a line is no row.
    """
    decoder: msgspec.json.Decoder[Row] = msgspec.json.Decoder(Row)
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise DataError(path, f"cannot be read: {error.strerror}", FORM) from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield number, decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise DataError(path, f"line {number}{_wrong(line, error)}", FORM) from error


def _verdict(row: Row) -> RecordedVerdict:
    return RecordedVerdict(row.verdict, row.confidence, row.reason)


def _event_verdict(row: RecordedEvent | None) -> RecordedVerdict:
    return _verdict(row) if row else RecordedVerdict("normal", UNSURE, UNKNOWN, known=False)


def _check(path: Path, number: int, row: Row, recording: Recording) -> None:
    """Check that a row of a file fits those before it.

    :raises DataError: its key is an earlier event's, a session names an event that no row before it has, or a window
        one that is not among its texts.
    """
    if isinstance(row, RecordedWindow):
        other = next((name for name in row.anomalous if name not in from_field(row.texts)), None)
        if other is not None:
            raise DataError(path, f"line {number}: anomalous has {other!r}, which is not among its texts", FORM)
        return
    if isinstance(row, RecordedEvent):
        if row.key in recording.events:
            raise DataError(
                path, f"line {number}: key is {row.key!r}, which an earlier line has too", "give each its own"
            )
        return
    missing = next((key for key, _ in row.events if key not in recording.events), None)
    if missing is not None:
        raise DataError(
            path, f"line {number}: events has {missing!r}, which is no event of {row.system} above it", "add its row"
        )


def _wrong(line: bytes, error: Exception) -> str:
    """The field of a line that is wrong, and its value, where the error names one."""
    message, _, place = str(error).partition(" - at `$")
    field = place.rstrip("`").lstrip(".")
    tree = tree_of(line.decode(errors="replace")) if field else None
    if tree is None:
        return f" is no row: {message}"
    value = clip(repr(tree.get(field.split("[")[0])), SHOWN_CHARS)
    return f": {field} is {value}: {message[:1].lower()}{message[1:]}"
