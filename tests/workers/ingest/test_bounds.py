"""What an ingest worker keeps of its input has a bound in bytes: names may be as long as lines."""

from __future__ import annotations

import gc
import json
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fusionlog.parsing.parser import Parser
from fusionlog.parsing.windows import Windower
from fusionlog.settings import IngestSettings, SystemSettings
from fusionlog.workers.ingest.made import DeadLetter
from fusionlog.workers.ingest.partition_processor import PartitionProcessor
from fusionlog.workers.ingest.resume_state import OutputOffsets, ResumeState
from fusionlog.workers.ingest.scattered import ScatteredSessions
from tests.workers.memory import Message

RECORDS, CHARS = 400, 50_000
MEGABYTE = 1_000_000
WINDOW = {"by": "session", "idle_seconds": 36_000}
PLAIN = {"session": r"s=(\S+)", "window": WINDOW, "multiline": False}


def words(number: int) -> str:
    """A long text that differs from record to record in its letters."""
    name = "".join("abcdefghij"[int(digit)] for digit in f"{number:05}")
    return (name * (CHARS // len(name)))[:CHARS]


FLOODS: dict[str, tuple[dict[str, Any], Callable[[int], tuple[bytes | None, str]], float]] = {
    "session keys": (PLAIN, lambda number: (b"k", f"opened s={words(number)}"), 9),
    "record keys": ({**PLAIN, "inherit": True}, lambda number: (words(number).encode(), f"opened s=k{number}"), 9),
    "components": (
        {**PLAIN, "header": "<Component>: <Content>"}, 
        lambda number: (b"k", f"{words(number)}: opened s=k{number % 9}"), 9
    ),
    "names of fields": (
        {**PLAIN, "session_field": "s", "session": None},
        lambda number: (b"k", json.dumps({"log": "opened", words(number): 1, "s": f"k{number % 9}"})), 9,
    ),
    "cut lines": (
        PLAIN,
        lambda number: (b"k", json.dumps({
            "message": f"opened s=k{number % 9}", "partial_message": "true", "partial_id": words(number),
            "partial_last": "false", "partial_ordinal": "1",
        })), 9,
    ),
    "large envelopes around short lines": (
        {**PLAIN, "multiline": "auto"},
        lambda number: (
            f"h{number % 200}".encode(), json.dumps({"log": f"opened s=k{number % 9}", "x": words(number) * 10})
        ),
        45,
    ),
}  # fmt: skip


@pytest.fixture
def traced() -> Iterator[None]:
    gc.collect()
    tracemalloc.start()
    yield
    tracemalloc.stop()


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_of_long_names_is_kept_within_a_bound(name: str, traced: None) -> None:
    settings, make, megabytes = FLOODS[name]
    system, ingest = SystemSettings.model_validate(settings), IngestSettings(max_open_sessions=100)
    processor = PartitionProcessor(
        "shop", system, ingest, Parser("shop", system, ingest),
        Windower("shop", system.window, "raw", 0, ingest.max_open_sessions), 0, ResumeState(OutputOffsets()),
        clock=lambda: 1_700_000_000.0,
    )  # fmt: skip
    scattered = ScatteredSessions("shop", 3600.0)
    step = 0 if "envelopes" in name else 5_000  # with time the lines of an envelope are complete
    for number in range(RECORDS):
        key, line = make(number)
        moment = 1_700_000_000_000 + step * number
        for made in processor.take([Message(line.encode(), offset=number, timestamp=moment, key=key)]):
            assert not isinstance(made, DeadLetter), made.error
            scattered.add(made)  # type: ignore[arg-type]
            processor.acknowledged(made)
    made = key = line = None  # type: ignore[assignment]
    gc.collect()
    kept = tracemalloc.get_traced_memory()[0] / MEGABYTE
    assert kept < megabytes, f"{kept:.0f} MB are kept"
