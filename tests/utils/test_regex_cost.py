import re

import pytest

from fusionlog.utils import regex_cost
from fusionlog.utils.regex_cost import worst_text


@pytest.mark.parametrize(
    "pattern",
    [
        r"(a+)+b", r"(?:\w+\s?)*:", r"(a|aa)+b", r"(?:a|b|ab)*c", r"^(\d+|\d\d)*x", r"(?:[^,]+,?)*;", r"((?:x*)*)*y",
        r"\[(?:[\w.]+\.?)+\] ", r"(.*)*=", r"(?:\s*\w+\s*)*!", r"\d{4} (?:[A-Z]+|[A-Z]{2})+:",
        r"(?:(?:\w+\w*){9})+!",
    ],
)  # fmt: skip
def test_expressions_of_exponential_time_are_found(pattern: str) -> None:
    assert worst_text(pattern)


@pytest.mark.parametrize("pattern", [r"(\d+)(\d+)(\d+)(\d+)x", r"(.*?) (.*?) (.*?) (.*?) (.*?)x", r"\s*\s*\s*\s*:"])
def test_expressions_of_high_polynomial_time_are_found_where_whole_lines_count(pattern: str) -> None:
    assert worst_text(pattern, whole_lines=True)


@pytest.mark.parametrize(
    "pattern",
    [
        r"blk_-?\d+", r"(?:\w+\.)*\w+: (.*)", r"\[(?:[^\]\\]|\\.)*\]", r"(?:\d{1,3}\.){3}\d{1,3}",
       
        r"^(\S+) (\S+) (.*)$",
        r"(?P<time>\S+ \S+) +(?P<level>[A-Z]+) \[(?P<thread>.*?)\] (?P<component>\S+) - (?P<content>.*)",
        r"(?:[0-9a-f]{8})(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", r"(?i)user=(\w+)", r"(?<=id=)\d+", r"((?:a+)b)+c", r"",
        r"(?:instance: |instance |/servers/)([0-9a-f-]{36})", r"(?>a+)+b", r"(?:a++)+b",
    ],
)  # fmt: skip
def test_useful_expressions_pass(pattern: str) -> None:
    assert worst_text(pattern, re.DOTALL, whole_lines=True) is None


def test_nested_counts_make_no_endless_text() -> None:
    assert worst_text("((((((a{50}){50}){50}){50}){50}){50})!") is None


def test_an_expression_without_end_is_refused_in_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regex_cost, "TRIAL_SECONDS", 0.05)
    for pattern in (("(" * 90 + "a" + ")" * 90) * 50, "(?:a+b)" * 2_000):
        with pytest.raises(ValueError, match=r"it cannot be tried in 0\.05 s: it needs fewer groups and repetitions"):
            worst_text(pattern)
