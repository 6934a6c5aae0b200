"""A made-up system on disk: sessions of a shop, some with JSON lines, one with a list."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path

SESSIONS = {
    "s1": [
        "10:00:01 INFO s1 order 17 opened by ann",
        "10:00:02 INFO s1 order 17 paid, parts [bolt, nut]",
        "10:00:03 INFO s1 done",
    ],
    "s2": [
        "10:01:01 INFO s2 order 18 opened by ann",
        "10:01:02 INFO s2 order 18 paid, parts [nut, bolt, cog]",
        "10:01:03 INFO s2 done",
    ],
    "s3": ["10:02:01 INFO s3 order 19 opened by ann", "10:02:02 ERROR s3 order 19 not paid: card refused"],
    "s4": ['{"at": "10:03:01", "level": "INFO", "text": "s4 order 20 opened by ann"}', "10:03:02 INFO s4 done"],
}
LABELS = {"s1": 0, "s2": 0, "s3": 1, "s4": 1}
SYSTEMS = """\
shop:
  description: a web shop
  policy: Alert when an order is not paid.
  header: <Time> <Level> <Content>
  session: s[0-9]+
  json_line: '{at} {level} {text}'
  window: {by: session, idle_seconds: 30}
"""


def make_data(directory: Path, labels: bool = True, sessions: Mapping[str, list[str]] = SESSIONS) -> Path:
    """A data directory with the shop in it."""
    (directory / "shop").mkdir(parents=True)
    (directory / "systems.yaml").write_text(SYSTEMS, encoding="utf-8")
    rows = "".join(json.dumps({"id": name, "lines": lines}) + "\n" for name, lines in sessions.items())
    (directory / "shop" / "sessions.jsonl.gz").write_bytes(gzip.compress(rows.encode()))
    if labels:
        table = "".join(f"{name},{label}\n" for name, label in LABELS.items())
        (directory / "shop" / "labels.csv").write_text(f"id,anomalous\n{table}", encoding="utf-8")
    return directory
