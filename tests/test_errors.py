"""Messages are one line of bounded length, whatever is in them."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from fusionlog.errors import MOST_CHARS, FusionLogError, Reason, RecordError, SettingError, TeacherError

OPERATIONS = Path(__file__).parents[1] / "docs" / "operations.md"


@pytest.mark.parametrize("text", ["a\nb", "a\r\n\r\nb", "a\x00\x1b\x85b", "a\u2028b"])
def test_a_message_is_one_line(text: str) -> None:
    assert str(FusionLogError(text)) == str(TeacherError(text)) == RecordError("empty", text).detail == "a b"


def test_a_message_of_what_came_in_has_a_bound_and_can_be_written() -> None:
    error = RecordError("wrong-shape", "x\ud800" * 10_000)
    assert len(error.detail) == len(str(error)) == MOST_CHARS and error.detail.encode()
    assert len(str(FusionLogError("x" * MOST_CHARS))) == MOST_CHARS and "…" not in str(FusionLogError("x" * MOST_CHARS))


VALUES = {
    "text": "x" * 5_000,
    "number": 10**5_000,
    "list": [["x" * 500] * 500] * 500,
    "map": {str(n): n for n in range(999)},
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_a_bad_value_is_shown_by_its_beginning(value: object) -> None:
    assert len(str(SettingError("A", value, "name another one"))) < 1_500
    assert str(SettingError("A", value, "name another one")).endswith("name another one")


def test_a_value_within_itself_is_shown() -> None:
    value: list[object] = []
    value.append(value)
    assert str(SettingError("A", value, "no")).startswith("setting A is [")


@pytest.mark.parametrize("reason", get_args(Reason))
def test_the_pages_have_each_reason_of_a_dead_letter(reason: str) -> None:
    rows = [row for row in OPERATIONS.read_text(encoding="utf-8").splitlines() if row.startswith("| `")]
    assert any(f"`{reason}`" in row for row in rows)
