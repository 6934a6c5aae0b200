"""What a reader needs to judge a system: its policy, its distinct events, its distinct sessions. No label is opened.

A shape counts a session's lines by their constant words. A worker counts them by their templates, of which it shows the
first line: where a template covers lines of several events, it asks about other counts. They are kept beside the shape
(`asked.jsonl`), so that the verdict on it is found from there too.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datasets.teach.events import Event, Events
from fusionlog.data.systems import read_catalog, read_sessions, session_windows
from fusionlog.errors import DataError
from fusionlog.records import Window
from fusionlog.settings import IngestSettings, SystemSettings
from fusionlog.teachers.base import clip, unit_of
from fusionlog.teachers.recorded.constant_words import shown
from fusionlog.utils.json_format import JsonFormat

LINE_CHARS = 200
FIRST_LINES = 30
LAST_LINES = 15
"""What is shown of an example session; the lines between are left out and counted."""


@dataclass
class Shape:
    """Sessions that have the same events, each as often. `events` are in order of first occurrence in the example."""

    key: str
    events: dict[str, int]
    id: str
    lines: list[str]
    sessions: int = 0
    asked: list[dict[str, int]] = field(default_factory=list)


@dataclass
class Sheet:
    """A system as its reader sees it."""

    name: str
    system: SystemSettings
    events: list[Event]
    shapes: list[Shape]


def make_sheet(data: Path, name: str) -> Sheet:
    """The sheet of a system, from its sessions and what its operator says.

    :raises DataError: there are no such data.
    """
    system = system_of(data, name)
    written, events = JsonFormat(system.json_line), Events()
    shapes: dict[frozenset[tuple[str, int]], Shape] = {}
    of_session: dict[str, Shape] = {}
    sessions = read_sessions(data, name)
    for session in sessions:
        lines = [written.text(line) for line in session.lines]
        counts = events.of_session(lines)
        shape = shapes.setdefault(
            frozenset(counts.items()), Shape(f"S{len(shapes) + 1}", counts, session.id, excerpt(lines))
        )
        shape.sessions += 1
        of_session[session.id] = shape
    _add_asked(of_session, events, session_windows(name, system, sessions, IngestSettings()), system)
    return Sheet(name, system, list(events), list(shapes.values()))


def system_of(data: Path, name: str) -> SystemSettings:
    """What an operator says of a system.

    :raises DataError: the catalogue has none of this name.
    """
    catalog = read_catalog(data)
    if name not in catalog:
        raise DataError(data / "systems.yaml", f"it has no system {name!r}", f"it has {', '.join(catalog)}")
    return catalog[name]


def write_sheet(sheet: Sheet, out: Path) -> None:
    """Write `policy.md`, `events.jsonl`, `shapes.jsonl`, the same short as `shapes.tsv`, and `asked.jsonl`."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "policy.md").write_text(_policy(sheet), encoding="utf-8")
    _write_rows(out / "events.jsonl", map(_event_row, sheet.events))
    _write_rows(out / "shapes.jsonl", map(_shape_row, sheet.shapes))
    (out / "shapes.tsv").write_text("".join(map(_short, sheet.shapes)), encoding="utf-8")
    asked = ({"key": shape.key, "events": list(counts.items())} for shape in sheet.shapes for counts in shape.asked)
    _write_rows(out / "asked.jsonl", asked)


def excerpt(lines: list[str]) -> list[str]:
    """Lines as a teacher would be shown them, each cut to a readable length, the middle of many left out."""
    told = [clip(shown(line), LINE_CHARS) for line in lines]
    left = len(told) - FIRST_LINES - LAST_LINES
    return told if left <= 1 else [*told[:FIRST_LINES], f"({left} lines left out)", *told[-LAST_LINES:]]


def _add_asked(
    of_session: Mapping[str, Shape], events: Events, windows: Iterable[Window], system: SystemSettings
) -> None:
    """Note what a worker asks about each session that is one window, where that differs from its shape."""
    windows = list(windows)
    pieces = Counter(window.session for window in windows)
    for window in windows:
        shape, counts = of_session[window.session], Counter[str]()
        for event in unit_of(window, system).events:
            counts[events.key(event.text)] += event.count
        if pieces[window.session] == 1 and counts != shape.events and counts not in shape.asked:
            shape.asked.append(dict(counts))


def _policy(sheet: Sheet) -> str:
    system, window = sheet.system, sheet.system.window
    cut = (
        f"{window.size} consecutive lines"
        if window.by == "count"
        else f"all lines with one session key until {window.idle_seconds:g} s without one, {window.max_events} at most"
    )
    sessions = sum(shape.sessions for shape in sheet.shapes)
    lines = sum(event.lines for event in sheet.events)
    return "\n".join(
        [
            f"# {sheet.name}",
            "",
            f"* Description: {system.description}",
            f"* When to alert: {system.policy}",
            f"* A session is {cut}.",
            f"* Header of a line: `{system.header}`",
            f"* Session key: `{system.session}`",
            f"* JSON lines are written as: `{system.json_line}`",
            f"* {sessions} sessions of {len(sheet.shapes)} shapes, {lines} lines of {len(sheet.events)} events.",
            "",
        ]
    )


def _event_row(event: Event) -> dict[str, Any]:
    return {
        "key": event.key,
        "template": event.template,
        "lines": event.lines,
        "sessions": event.sessions,
        "examples": event.examples,
    }


def _shape_row(shape: Shape) -> dict[str, Any]:
    return {
        "key": shape.key,
        "sessions": shape.sessions,
        "events": list(shape.events.items()),
        "example": {"id": shape.id, "lines": shape.lines},
    }


def _short(shape: Shape) -> str:
    """A shape as its key, the number of its sessions, and its events: `S1, 3, E1 E2x4 E7`, with tabs."""
    events = " ".join(key if count == 1 else f"{key}x{count}" for key, count in shape.events.items())
    return f"{shape.key}\t{shape.sessions}\t{events}\n"


def _write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
