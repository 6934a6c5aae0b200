"""Lines as the software writes them, of several versions and configurations each."""

import json
from pathlib import Path
from typing import Any, get_args

import pytest

from fusionlog.parsing.headers import Header
from fusionlog.parsing.parser import Parser
from fusionlog.parsing.preset_table import preset_table
from fusionlog.parsing.presets import PRESETS
from fusionlog.parsing.regex_invariance import DIGITS, is_invariant
from fusionlog.settings import FormatName, IngestSettings, SystemSettings

LINES = [json.loads(line) for line in (Path(__file__).parent / "preset_lines.jsonl").read_text("utf-8").splitlines()]
"""Lines, and the parts that their presets find in them."""


def test_every_preset_is_a_value_of_the_setting_and_is_tested() -> None:
    assert set(PRESETS) == set(get_args(FormatName)) == {case["format"] for case in LINES}


@pytest.mark.parametrize("case", LINES, ids=lambda case: f"{case['format']}-{case['line'][:30]}")
def test_lines(case: dict[str, Any]) -> None:
    system = SystemSettings(format=case["format"])
    event = Parser("shop", system, IngestSettings()).parse(case["line"])
    found = Header(system).split(case["line"])
    assert (found.content, found.component, found.level) == (case["content"], case["component"], case["level"])
    assert (event.matched, event.stamp) == (case["matched"], case["time"])


@pytest.mark.parametrize("name", PRESETS)
def test_an_example_has_its_header(name: FormatName) -> None:
    assert Header(SystemSettings(format=name)).split(PRESETS[name].example).matched


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_takes_any_digit_so_that_its_lines_are_cached(name: FormatName) -> None:
    assert all(is_invariant(pattern, DIGITS) for pattern in PRESETS[name].patterns)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("line", ["order accepted", "\tat a.b.C(D.java:1)", "}", "Caused by: java.io.IOException: x"])
def test_other_lines_have_no_header(name: FormatName, line: str) -> None:
    assert not Header(SystemSettings(format=name)).split(line).matched


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize(
    "piece", ["[", "[a] ", "a ", "a:", '"', '\\"', "1", "1 ", "- ", "a=b ", "(", ": ", " ", '{"a":']
)
def test_a_preset_takes_linear_time(name: FormatName, piece: str) -> None:
    """An expression whose steps grew with the square of these lines would run into the tests' time limit."""
    header, begin = Header(SystemSettings(format=name)), PRESETS[name].example
    for line in (piece * 30_000, begin[: len(begin) // 2] + piece * 30_000, begin + piece * 30_000 + "\n"):
        header.split(line)


def test_the_documentation_has_the_presets_as_they_are() -> None:
    assert preset_table() in (Path(__file__).parents[2] / "docs" / "log-formats.md").read_text("utf-8")
