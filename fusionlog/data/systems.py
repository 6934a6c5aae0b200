"""Systems on disk: a catalogue `systems.yaml`, and for each system sessions, labels and optionally a stream.

The format is that of `datasets/README.md`. Sessions carry no labels; those are a file of their own.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

import msgspec

from fusionlog.data.bundled import DATASETS
from fusionlog.errors import DataError, shown
from fusionlog.parsing.envelopes.line_times import LineTimes
from fusionlog.parsing.joining import Joiner, Line, Piece
from fusionlog.parsing.parser import Event, Parser
from fusionlog.parsing.times import LineClock
from fusionlog.parsing.windows import Windower
from fusionlog.records import Seconds, Window
from fusionlog.settings import IngestSettings, SystemSettings, read_systems
from fusionlog.utils.json_format import tree_of

LABEL_HEADER = ["id", "anomalous"]
FORM = f"see {DATASETS / 'README.md'} for the form of a data directory"


class Session(msgspec.Struct, frozen=True):
    """The raw lines of one session, in order, without its label."""

    id: str
    lines: list[str]


def read_catalog(directory: Path) -> dict[str, SystemSettings]:
    """The systems of a data directory, by name.

    :raises DataError: the directory or its `systems.yaml` is missing.
    """
    catalog = directory / "systems.yaml"
    if not catalog.is_file():
        raise DataError(directory, "no systems.yaml in it" if directory.is_dir() else "no such directory", FORM)
    return read_systems(catalog)


def read_sessions(directory: Path, system: str) -> list[Session]:
    """The sessions of a system, in the order of the file.

    :raises DataError: the file is missing, or a line of it is not a session.
    """
    path = _existing(directory / system / "sessions.jsonl.gz")
    decoder = msgspec.json.Decoder(Session)
    sessions = []
    with _open(path) as file:
        for number, line in enumerate(file, 1):
            try:
                sessions.append(decoder.decode(line))
            except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
                raise DataError(path, f"line {number} is not a session: {error}", FORM) from error
    return sessions


def read_labels(directory: Path, system: str) -> dict[str, bool]:
    """Whether each session of a system is anomalous, by id. Of a target, only code that computes figures may call it.

    :raises DataError: the file is missing or not `id,anomalous`.
    """
    return read_label_file(directory / system / "labels.csv")


def read_label_file(path: Path) -> dict[str, bool]:
    """Whether each session of a file `id,anomalous` is anomalous, by id.

    :raises DataError: it is missing, is not of that form, or has another value than 0 and 1.
    """
    path = _existing(path)
    found: dict[str, bool] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            if (header := next(reader, None)) != LABEL_HEADER:
                raise DataError(path, f"its header is {header}", "it must be id,anomalous")
            for row in filter(None, reader):
                if len(row) != 2 or row[1] not in ("0", "1"):
                    raise DataError(
                        path,
                        f"line {reader.line_num} is {shown(','.join(row))}",
                        "it must be an id, a comma, and 0 or 1",
                    )
                found[row[0]] = row[1] == "1"
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(path, f"it is no CSV in UTF-8 ({error})", "it must be id,anomalous") from error
    return found


def read_stream(directory: Path, system: str) -> Iterator[str]:
    """A system's raw lines in the order they were written: its stream, else its sessions one after the other."""
    path = directory / system / "stream.log.gz"
    if not path.exists():
        for session in read_sessions(directory, system):
            yield from session.lines
        return
    with _open(path) as file:
        for line in file:
            yield line.rstrip("\n")


def session_windows(
    name: str, system: SystemSettings, sessions: Iterable[Session], ingest: IngestSettings
) -> list[Window]:
    """The windows of given sessions, by the parser and the windower of a stream.

    `session` of a window is the session's id; a session longer than the system's limit gives several windows. Lines
    that continue the one before them are joined as in a stream.
    """
    parser, windows, offset = Parser(name, system, ingest), [], 0
    times = _OwnTimes(system)
    for session in sessions:
        windower = Windower(name, system.window, topic=f"file.{name}", partition=0)
        cut = []
        for line in joined_lines(session.lines, offset, system, ingest, parser):
            event = msgspec.structs.replace(parser.parse(line.text), session=session.id, more=())
            cut += windower.add(event, line.first, float(line.first[0]), stated=times.of(event, line.text))
        offset += len(session.lines)
        cut += windower.flush()
        windows += [msgspec.structs.replace(window, session=session.id) for window in cut]
    return windows


def joined_lines(
    texts: Sequence[str], start: int, system: SystemSettings, ingest: IngestSettings, parser: Parser
) -> Iterator[Line[None]]:
    """Lines with those that continue them, as the ingest worker joins them, at offsets from `start` on."""
    joiner: Joiner[None] = Joiner(system.multiline, ingest.max_line_bytes, parser.matches)
    for offset, text in enumerate(texts, start):
        yield from joiner.push(Piece((offset, 0), None, text, 0.0, None, None))
    yield from joiner.flush()


class _OwnTimes:
    """The times that a system's recorded lines have, by which pauses are measured, as the ingest worker reads them."""

    def __init__(self, system: SystemSettings) -> None:
        self._clock, self._fields = LineClock(system), LineTimes(system)
        self._has_field = system.time_field is not None

    def of(self, event: Event, line: str) -> Seconds | None:
        """Unix seconds of the time field in a line's header, or in the JSON line; None where it has none."""
        if event.stamp is not None:
            return self._clock.read(event.stamp, None)
        tree = tree_of(line) if self._has_field and line.startswith("{") else None
        return None if tree is None else self._fields.find(tree, None, None, ())[0]


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise DataError(path, "no such file", FORM)
    return path


def _open(path: Path) -> TextIO:
    return gzip.open(path, "rt", encoding="utf-8", errors="replace")
