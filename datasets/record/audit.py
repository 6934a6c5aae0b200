"""`python -m datasets.record.audit datasets`: what the words in the logs give away, against what the injector did."""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

ALARM = re.compile(
    r"error|fail|exception|fatal|warn|panic|denied|refused|timeout|timed out|abort|crash|lost|corrupt|invalid|unable|"
    r"cannot|critical|severe", re.I,
)  # fmt: skip
"""What a person greps for."""
_VARIABLE = re.compile(
    r"'[^']*'|\"[^\"]*\"|<[^>]*>|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b(?=[\w-]*\d)[\w-]{22}\b|"
    r"\b[0-9a-fA-F]{8,}\b|\b\d[0-9A-Za-z]{12,17}\b|[\w.+-]+@[\w.-]+|\d+(\.\d+)*"
)


@dataclass(frozen=True)
class Labelled:
    """One session with its label and, where the ledger has one, its cause."""

    id: str
    lines: tuple[str, ...]
    anomalous: bool
    cause: str


@dataclass(frozen=True)
class Score:
    """Precision, recall and F1 of a yes/no detector."""

    precision: float
    recall: float
    f1: float


def read(folder: Path) -> list[Labelled]:
    """The sessions of one system, in order."""
    labels = {row["id"]: row["anomalous"] == "1" for row in _rows(folder / "labels.csv")}
    causes = {row["id"]: row["cause"] for row in _rows(folder / "causes.csv")}
    with gzip.open(folder / "sessions.jsonl.gz", "rt", encoding="utf-8") as source:
        records = [json.loads(line) for line in source]
    return [Labelled(r["id"], tuple(r["lines"]), labels[r["id"]], causes.get(r["id"], "")) for r in records]


def score(truth: Sequence[bool], said: Sequence[bool]) -> Score:
    """Precision, recall and F1 of `said` against `truth`."""
    hits = sum(t and s for t, s in zip(truth, said, strict=True))
    precision, recall = hits / max(sum(said), 1), hits / max(sum(truth), 1)
    return Score(precision, recall, 2 * precision * recall / max(precision + recall, 1e-9))


def grep(sessions: Sequence[Labelled]) -> Score:
    """The keyword grep: a session is anomalous if any of its lines holds a word of `ALARM`."""
    said = [any(ALARM.search(line) for line in session.lines) for session in sessions]
    return score([session.anomalous for session in sessions], said)


def kinds(sessions: Iterable[Labelled], skip: int) -> list[tuple[str, int, int]]:
    """Alarming kinds of line, as (shape, anomalous sessions, normal sessions), most frequent first.

    :param skip: how many leading words of a line are its clock and ids.
    """
    counts: dict[str, Counter[bool]] = {}
    for session in sessions:
        for kind in {shape(line, skip) for line in session.lines if ALARM.search(line)}:
            counts.setdefault(kind, Counter())[session.anomalous] += 1
    rows = [(kind, count[True], count[False]) for kind, count in counts.items()]
    return sorted(rows, key=lambda row: -row[1] - row[2])


def shape(line: str, skip: int) -> str:
    """A line with its clock, ids, numbers and quoted names masked, cut to 190 characters; of JSON its message."""
    said = json.loads(line).get("msg", "") if line.startswith("{") else " ".join(line.split()[skip:])
    text = said.replace("\n", " ")
    return _VARIABLE.sub("*", text)[:190]


def report(name: str, sessions: Sequence[Labelled], skip: int, top: int | None = None) -> str:
    """The audit of one system as Markdown, with the `top` most frequent kinds of alarming line."""
    middle = len(sessions) // 2
    halves = (("first", sessions[:middle]), ("second", sessions[middle:]), ("both", sessions))
    lines = [
        f"### {name}",
        "",
        "| half | sessions | anomalous | silent | grep P | R | F1 |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [_half(label, part) for label, part in halves]
    lines += ["", "| cause | first half | second half |", "|---|---|---|"]
    lines += _causes(sessions[:middle], sessions[middle:])
    lines += ["", "| alarming kind of line | in anomalous | in normal |", "|---|---|---|"]
    lines += [f"| `{kind}` | {bad} | {good} |" for kind, bad, good in kinds(sessions, skip)[:top]]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Print the audit of every system of a folder."""
    parser = argparse.ArgumentParser(prog="python -m datasets.record.audit", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--system", help="only this one")
    parser.add_argument("--top", type=int, help="only so many kinds of line")
    asked = parser.parse_args()
    for labels in sorted(asked.folder.glob("*/labels.csv")):
        name = labels.parent.name
        if asked.system in (None, name):
            print(report(name, read(labels.parent), _SKIP.get(name, 3), asked.top))
    return 0


_SKIP = {"postgresql": 6, "kafka": 3, "postfix": 4}
"""Leading words of a line that are clock and ids, by system."""


def _half(label: str, part: Sequence[Labelled]) -> str:
    bad = [session for session in part if session.anomalous]
    silent = sum(not any(ALARM.search(line) for line in session.lines) for session in bad)
    found = grep(part)
    share = 100 * len(bad) / max(len(part), 1)
    return (
        f"| {label} | {len(part)} | {len(bad)} ({share:.1f} %) | {silent} | {found.precision:.3f} | {found.recall:.3f} "
        f"| {found.f1:.3f} |"
    )


def _causes(first: Sequence[Labelled], second: Sequence[Labelled]) -> list[str]:
    counts = [Counter((s.anomalous, s.cause) for s in half if s.cause) for half in (first, second)]
    keys = sorted({*counts[0], *counts[1]}, key=lambda key: (not key[0], key[1]))
    return [f"| {'fault' if key[0] else 'routine'}: {key[1]} | {counts[0][key]} | {counts[1][key]} |" for key in keys]


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as source:
        return list(csv.DictReader(source))


if __name__ == "__main__":
    sys.exit(main())
