"""Units and endpoints for the tests of labelling."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fusionlog.settings import LabelSettings
from fusionlog.teachers.base import Unit, UnitEvent


def make_unit(*texts: str, system: str = "shop", policy: str = "alert on failures", first_id: int = 1) -> Unit:
    events = tuple(UnitEvent(id, text, 1) for id, text in enumerate(texts or ("connection opened",), first_id))
    return Unit(system=system, description="a web shop", policy=policy, events=events)


def make_settings(url: str, **fields: Any) -> LabelSettings:
    return LabelSettings(**{"url": url, "model": "tiny", "timeout": 5.0, "retries": 2, **fields})


class Clock:
    """Seconds that pass when told, or when slept."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def make_rows() -> list[dict[str, Any]]:
    """Recorded verdicts of a shop: five events, and one session that none of its events gives away."""
    events = [
        ("E1", "order <NUM> opened", "normal", 0.9, ""),
        ("E2", "order <NUM> paid", "normal", 0.8, ""),
        ("E3", "order <NUM> closed", "normal", 0.9, ""),
        ("E4", "card <NUM> refused by bank", "anomalous", 0.6, "not paid"),
        ("E5", "ledger <NUM> damaged badly", "anomalous", 0.9, "data lost"),
    ]
    rows: list[dict[str, Any]] = [
        {"kind": "event", "system": "shop", "key": key, "text": text, "examples": [text.replace("<NUM>", "17")],
         "verdict": verdict, "confidence": confidence, "reason": reason}
        for key, text, verdict, confidence, reason in events
    ]  # fmt: skip
    session = {"verdict": "anomalous", "confidence": 0.7, "reason": "closed, not paid"}
    return [*rows, {"kind": "session", "system": "shop", "events": [["E1", 1], ["E3", 1]], **session}]


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """A file of recorded verdicts."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path
