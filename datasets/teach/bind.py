"""Joins a reader's judgements with the sheet they were made from into a file of recorded verdicts."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from fusionlog.errors import DataError
from fusionlog.teachers.llm.answers import Label
from fusionlog.teachers.recorded.recordings import RecordedEvent, RecordedSession, Recording, Row

COLUMNS = ["key", "verdict", "confidence", "reason"]
NAMED = 20
"""Keys that an error names; of more it tells how many."""


class Judgement(msgspec.Struct, frozen=True):
    """What the reader said of an event or of a shape."""

    key: str
    verdict: Label
    confidence: float
    reason: str


def bind(system: str, sheet: Path, judgements: Path) -> list[Row]:
    """The rows of a recording: every event and every shape of the sheet with its judgement.

    :raises DataError: a judgement is missing, is there twice, is of nothing in the sheet, or has a wrong value.
    """
    events, shapes = _sheet_rows(sheet / "events.jsonl"), _sheet_rows(sheet / "shapes.jsonl")
    of_event = read_judgements(judgements / "events.csv", [event["key"] for event in events])
    of_shape = read_judgements(judgements / "shapes.csv", [shape["key"] for shape in shapes])
    forms = _forms([*shapes, *_sheet_rows(sheet / "asked.jsonl")])
    rows = [
        *(_event(system, event, of_event[event["key"]]) for event in events),
        *(_session(system, counts, of_shape[key]) for counts, key in forms.items()),
    ]
    _check_found(sheet / "events.jsonl", rows)
    return rows


def write_rows(rows: Iterable[Row], out: Path) -> None:
    """Write a recording, an object a line."""
    out.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))


def read_judgements(path: Path, keys: list[str]) -> dict[str, Judgement]:
    """The judgements of a file by key, one for each of these keys.

    :raises DataError: one is missing, twice, of another key, or has a wrong value.
    """
    found = list(_judgements(path))
    counts = Counter(judgement.key for judgement in found)
    problems = {
        "missing": [key for key in keys if key not in counts],
        "twice": [key for key, count in counts.items() if count > 1],
        "not in the sheet": [key for key in counts if key not in set(keys)],
    }
    said = "; ".join(f"{what}: {_some(of)}" for what, of in problems.items() if of)
    if said:
        raise DataError(path, said, "it must have each key of the sheet once")
    return {judgement.key: judgement for judgement in found}


def _judgements(path: Path) -> Iterator[Judgement]:
    if not path.is_file():
        raise DataError(path, "no such file", f"it must be a table of {','.join(COLUMNS)}")
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file, restkey="more")
        if reader.fieldnames != COLUMNS:
            raise DataError(path, f"its header is {reader.fieldnames}", f"it must be {','.join(COLUMNS)}")
        for row in reader:
            yield _judgement(path, reader.line_num, row)


def _judgement(path: Path, number: int, row: dict[str, Any]) -> Judgement:
    if "more" in row:
        raise DataError(path, f"line {number}: more than {len(COLUMNS)} columns", "quote a text with commas")
    if row["verdict"] not in ("normal", "anomalous"):
        raise DataError(path, f"line {number}: verdict is {row['verdict']!r}", "it must be normal or anomalous")
    try:
        confidence = float(row["confidence"])
    except (TypeError, ValueError):
        confidence = -1.0
    if not 0 <= confidence <= 1:
        raise DataError(path, f"line {number}: confidence is {row['confidence']!r}", "it must be a number from 0 to 1")
    return Judgement(row["key"], row["verdict"], confidence, row["reason"] or "")


def _event(system: str, event: dict[str, Any], said: Judgement) -> RecordedEvent:
    return RecordedEvent(
        system=system, key=event["key"], text=event["template"], examples=event["examples"],
        verdict=said.verdict, confidence=said.confidence, reason=said.reason,
    )  # fmt: skip


def _forms(shapes: Iterable[dict[str, Any]]) -> dict[tuple[tuple[str, int], ...], str]:
    """The shape that counts of events stand for: the one that has them itself, else the first asked by them."""
    forms: dict[frozenset[tuple[str, int]], tuple[tuple[tuple[str, int], ...], str]] = {}
    for shape in shapes:
        counts = tuple((key, count) for key, count in shape["events"])
        forms.setdefault(frozenset(counts), (counts, shape["key"]))
    return dict(forms.values())


def _session(system: str, counts: tuple[tuple[str, int], ...], said: Judgement) -> RecordedSession:
    return RecordedSession(
        system=system, events=list(counts),
        verdict=said.verdict, confidence=said.confidence, reason=said.reason,
    )  # fmt: skip


def _check_found(path: Path, rows: list[Row]) -> None:
    """A sheet that another version wrote may tell events apart otherwise than the recording finds them."""
    recording = Recording()
    for row in rows:
        recording.add(row)
    for event in recording.events.values():
        for text in event.examples:
            found = recording.find(text)
            if found is None or found.key != event.key:
                other = f"that of {found.key}" if found else "none"
                raise DataError(path, f"an example of {event.key} is found as {other}", "write the sheet anew")


def _sheet_rows(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        raise DataError(path, "no such file", "write it with  python -m datasets.teach sheet")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _some(keys: list[str]) -> str:
    more = f" and {len(keys) - NAMED} more" if len(keys) > NAMED else ""
    return ", ".join(keys[:NAMED]) + more
