"""A data directory of a small system, for benchmarks at a size at which nothing is measured."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

SYSTEMS = r"""
shop:
  session: "s=(\\w+)"
  window: {by: session, idle_seconds: 5, max_events: 50}
"""
TEXTS = ("connection opened", "disk full", "connection closed", "connection failed")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Twelve sessions of two to six lines."""
    directory = tmp_path / "data"
    (directory / "shop").mkdir(parents=True)
    (directory / "systems.yaml").write_text(SYSTEMS)
    sessions = {f"k{number}": [TEXTS[(number + n) % 4] for n in range(2 + number % 5)] for number in range(12)}
    lines = {
        session: [f"s={session} {text} {n}" for n, text in enumerate(texts)] for session, texts in sessions.items()
    }
    with gzip.open(directory / "shop" / "sessions.jsonl.gz", "wt") as file:
        file.writelines(json.dumps({"id": session, "lines": each}) + "\n" for session, each in lines.items())
    (directory / "shop" / "labels.csv").write_text(
        "id,anomalous\n" + "".join(f"{session},{int(number % 4 == 0)}\n" for number, session in enumerate(sessions))
    )
    return directory
