"""What a recording leaves: the stream, the sessions cut from it, and who caused what."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from datasets.record.ledger import Incident
from datasets.record.spec import SystemSpec


@dataclass(frozen=True)
class Session:
    """One session: its id and its raw lines in order."""

    id: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Cause:
    """Why a session looks as it does: an incident of the injector's ledger."""

    name: str
    fault: bool

    @classmethod
    def of(cls, incident: Incident) -> Cause:
        """The cause that `incident` was."""
        return cls(incident.name, incident.fault)


@dataclass(frozen=True)
class Recording:
    """All that is kept of one system."""

    spec: SystemSpec
    lines: list[str]
    sessions: list[Session]
    causes: Mapping[str, Cause]


def by_key(lines: Iterable[str], spec: SystemSpec) -> list[Session]:
    """Sessions by the key in the line, in the order of their first lines; lines without a key are left out."""
    grouped: dict[str, list[str]] = {}
    for line in lines:
        key = spec.key(line)
        if key is not None:
            grouped.setdefault(key, []).append(line)
    return [Session(key, tuple(found)) for key, found in grouped.items()]


def by_count(lines: list[str], spec: SystemSpec) -> tuple[list[str], list[Session]]:
    """Consecutive windows of `spec.size` lines; the last partial one is dropped from the stream too."""
    size = spec.size or 1
    kept = lines[: len(lines) // size * size]
    starts = range(0, len(kept), size)
    return kept, [Session(f"{spec.name}-{i}", tuple(kept[i : i + size])) for i in starts]


def joined(lines: Iterable[str], continues: str = "\t") -> list[str]:
    """One record a line: a line that begins with `continues` belongs to the one before it."""
    records: list[str] = []
    for line in lines:
        text = line.rstrip("\r\n")
        if records and text.startswith(continues):
            records[-1] += " " + text.strip()
        elif text.strip():
            records.append(text)
    return records


def write(recording: Recording, folder: Path) -> None:
    """Write the files of one system: `sessions.jsonl.gz`, `labels.csv`, `causes.csv`, `stream.log.gz`."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_gzip(folder / "stream.log.gz", (line + "\n" for line in recording.lines))
    records = (json.dumps({"id": s.id, "lines": s.lines}, ensure_ascii=False) + "\n" for s in recording.sessions)
    _write_gzip(folder / "sessions.jsonl.gz", records)
    faulty = {key for key, cause in recording.causes.items() if cause.fault}
    _write_csv(folder / "labels.csv", ("id", "anomalous"), [(s.id, int(s.id in faulty)) for s in recording.sessions])
    known = [(s.id, recording.causes[s.id]) for s in recording.sessions if s.id in recording.causes]
    rows = [(key, cause.name, "fault" if cause.fault else "routine") for key, cause in known]
    _write_csv(folder / "causes.csv", ("id", "cause", "kind"), rows)


def _write_gzip(path: Path, lines: Iterable[str]) -> None:
    """gzip without a time stamp or name, so that equal content gives equal files."""
    data = "".join(lines).encode("utf-8")
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
        packed.write(data)


def _write_csv(path: Path, header: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> None:
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(header)
    out.writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")
