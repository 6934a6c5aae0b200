"""No line keeps a worker busy for long, whatever the operator's expressions are."""

from __future__ import annotations

import re
import threading
import time

import pytest

from fusionlog.errors import RecordError
from fusionlog.utils.expression_limit import SlowExpression, Watch, limited

LONG = 64 * 1024
SECONDS = 0.05
SLOW: dict[str, tuple[str, str]] = {
    "exponential": (r"(?:a+a+)+y", "a" * LONG),
    "quadratic, in one opcode": (r"\w+:", "a" * LONG),
    "cubic": (r"request.*?id=.*?x", "request id=" * (LONG // 8)),
    "blanks": (r"\s*\s*\s*x", " " * LONG),
    "look-ahead": (r"(?=.*q)z|(?=.*r)y", "a" * 2 * LONG),
    "many matches": (r"a[^b]*b|a", "a" * 4 * LONG),
}


@pytest.mark.parametrize("pattern, text", SLOW.values(), ids=SLOW)
def test_an_expression_that_takes_too_long_ends_with_its_name(pattern: str, text: str) -> None:
    watch, expression = Watch(), re.compile(pattern)
    with limited(watch, SECONDS), pytest.raises(SlowExpression) as caught:
        watch.guarded(f"session {pattern}", expression.findall)(text)
    assert caught.value.reason == "slow-expression" and caught.value.detail.startswith(f"session {pattern} takes more")
    assert watch.expression is None and isinstance(caught.value, RecordError)


def test_many_quick_calls_are_no_slow_one() -> None:
    watch = Watch()
    find = watch.guarded("session b", re.compile("b").search)
    with limited(watch, SECONDS):
        for _ in range(200_000):
            assert find("a" * 20) is None
    assert watch.calls == 200_000


def test_what_is_not_guarded_is_not_ended() -> None:
    with limited(Watch(), SECONDS):
        assert sum(1 for _ in range(5_000_000)) == 5_000_000


def test_outside_of_the_main_thread_there_is_no_limit_and_no_error() -> None:
    found: list[str] = []

    def run() -> None:
        with limited(Watch(), SECONDS):
            found.append("ran")

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == ["ran"]


def test_after_three_slow_lines_the_next_ones_take_a_fiftieth_of_the_time() -> None:
    watch = Watch()
    find = watch.guarded("session x", re.compile(SLOW["exponential"][0]).search)
    with limited(watch, 0.5):
        for _ in range(3):
            with pytest.raises(SlowExpression, match=r"more than 0\.5 s of CPU on this line: "):
                find("a" * LONG)
        before = time.thread_time()
        for _ in range(20):
            with pytest.raises(SlowExpression, match=r"more than 0\.01 s of CPU on this line .for a minute, after 3"):
                find("a" * LONG)
        assert time.thread_time() - before < 20 * 0.2


def test_a_limit_within_another_ends_and_the_outer_one_goes_on() -> None:
    outer, inner = Watch(), Watch()
    slow = re.compile("(a+)+b").match
    with limited(outer, 0.2):
        with limited(inner, 0.1), pytest.raises(SlowExpression, match="inner takes more"):
            inner.guarded("inner", slow)("a" * 40)
        with pytest.raises(SlowExpression, match="outer takes more"):
            outer.guarded("outer", slow)("a" * 40)
