"""A directory of three tiny labelled systems, in the words that `tests.encoders` knows."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import yaml

from fusionlog.methods.protocol import Outcome, Result
from fusionlog.teachers.cost import FREE

HEADER = "<Date> <Time> <Level> <Session> <Content>"
GOOD = ("connection opened", "connection closed")
BAD = ("connection opened", "disk failed")
ODD = ("connection opened", "connection opened", "disk full", "connection closed")
SYSTEMS = ("shop", "mill", "farm")


def write_data(directory: Path, sessions: int = 30, systems: tuple[str, ...] = SYSTEMS) -> Path:
    """In every system each fifth session ends in a failed disk, and each seventh meets a full one, which is healthy."""
    directory.mkdir(parents=True, exist_ok=True)
    window = {"by": "session", "idle_seconds": 60}
    described = {
        name: {
            "description": f"a {name}", "policy": "alert on failures", "header": HEADER, "session": r"(s\d+)",
            "window": window,
        }
        for name in systems
    }  # fmt: skip
    (directory / "systems.yaml").write_text(yaml.safe_dump(described, sort_keys=False))
    for name in systems:
        _write_system(directory / name, sessions)
    return directory


def _write_system(directory: Path, sessions: int) -> None:
    directory.mkdir(exist_ok=True)
    with gzip.open(directory / "sessions.jsonl.gz", "wt") as file:
        for number in range(sessions):
            text = json.dumps({"id": f"s{number}", "lines": lines_of(number)})
            file.write(text + "\n")
    write_labels(directory, {f"s{number}": is_bad(number) for number in range(sessions)})


def is_bad(number: int) -> bool:
    return number % 5 == 4


def lines_of(number: int) -> list[str]:
    texts = BAD if is_bad(number) else ODD if number % 7 == 6 else GOOD
    repeated = texts[:1] * (number % 3) + texts
    return [f"2024-01-01 00:{number:02d}:{place:02d} INFO s{number} {text}" for place, text in enumerate(repeated)]


def write_labels(directory: Path, labels: dict[str, bool]) -> None:
    with (directory / "labels.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "anomalous"])
        writer.writerows([session, int(bad)] for session, bad in labels.items())


def write_verdicts(directory: Path, system: str) -> None:
    """What a reader said of the system's events: a failed disk is an anomaly."""
    rows = [
        {
            "kind": "event", "system": system, "key": f"E{place}", "text": text, "examples": [text],
            "verdict": "anomalous" if "failed" in text else "normal", "confidence": 0.9, "reason": "it says so",
        }
        for place, text in enumerate(dict.fromkeys((*GOOD, *BAD, *ODD)))
    ]  # fmt: skip
    (directory / system / "verdicts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def make_outcome(
    session: str, score: float = 0.0, anomalous: bool | None = None, proprietary: bool = False, shape: str = "a"
) -> Outcome:
    said = score >= 0.5 if anomalous is None else anomalous
    return Outcome(session, score, said, proprietary, shape)


def make_result(outcomes: list[Outcome], adapted: list[Outcome] | None = None, **fields: object) -> Result:
    values = {
        "asked": (), "cost": FREE, "seconds_train": 0.0, "seconds_score": 0.0, **fields,
    }  # fmt: skip
    return Result(outcomes=outcomes, adapted=adapted or [], **values)
