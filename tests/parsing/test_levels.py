from __future__ import annotations

import pytest

from fusionlog.parsing.headers import Header
from fusionlog.parsing.levels import level_of
from fusionlog.settings import SystemSettings

HEADER = Header(SystemSettings(header="<Time> <Level> <Content>"))


@pytest.mark.parametrize(
    ("written", "level"),
    [
        ("WARN", "warning"), ("[warning]", "warning"), ("W", "warning"), ("4", "warning"),
        ("ERR", "error"), ("SEVERE", "error"), ("E", "error"), ("50", "error"),
        ("FATAL", "critical"), ("emerg", "critical"), ("0", "critical"),
        ("INFO", ""), ("debug", ""), ("LOG", ""), ("6", ""), ("<LEVEL>", ""),
    ],
)  # fmt: skip
def test_a_level_of_any_notation_is_one_of_three_words_and_a_lower_one_is_none(written: str, level: str) -> None:
    assert level_of(f"12:00:01 {written} disk is full", HEADER) == level


def test_a_line_without_the_header_or_of_a_system_without_one_has_no_level() -> None:
    assert level_of("oops", HEADER) == ""
    assert level_of("12:00:01 ERROR disk is full", Header(SystemSettings())) == ""
