"""Sheets for a reader: the task once, then one question after the other, in a shuffled order. No label is opened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from datasets.teach.questions import AskedUnit
from fusionlog.teachers.llm import prompts

INDEX = "questions.jsonl"
_ANSWER_FORM = """
---
You answer on this sheet, so write one line a question instead, in a file with the end .jsonl:
{"q": <number>, "sha256": "<its hash>", "label": "normal" or "anomalous", "confidence": 0.93, "reason": "...",
"events": {"<id>": 0.9}}
Its events are only those that alone speak for an anomaly, each with your probability of that.
---
"""


def sheets(asked: Sequence[AskedUnit], size: int) -> list[Sequence[AskedUnit]]:
    """The questions cut into sheets of so many."""
    return [asked[start : start + size] for start in range(0, len(asked), size)]


def sheet_text(asked: Sequence[AskedUnit]) -> str:
    """A sheet: the system message of all its questions together, then each question as it is sent."""
    task = prompts.task(asked[0].unit, [each.sent for each in asked])
    return "\n".join([task, _ANSWER_FORM, *map(_question, asked)])


def write_sheets(asked: Sequence[AskedUnit], size: int, out: Path) -> list[Path]:
    """Write the sheets, and beside them all questions with their hashes, numbers and sheets (`INDEX`)."""
    out.mkdir(parents=True, exist_ok=True)
    cut = sheets(asked, size)
    paths = [out / f"sheet-{number:03d}.txt" for number in range(1, len(cut) + 1)]
    for path, sheet in zip(paths, cut, strict=True):
        path.write_text(sheet_text(sheet), encoding="utf-8")
    rows = (row for path, sheet in zip(paths, cut, strict=True) for row in _rows(path.name, sheet))
    (out / INDEX).write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    return paths


def _question(each: AskedUnit) -> str:
    return f"## q {each.number}, sha256 {each.question.sha256}\n{each.question.messages[-1]['content']}\n"


def _rows(sheet: str, asked: Sequence[AskedUnit]) -> Iterator[dict[str, Any]]:
    for each in asked:
        yield {"q": each.number, "sheet": sheet, **msgspec.to_builtins(each.question)}
