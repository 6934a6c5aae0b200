"""Traces: one event for the same exceptions, whichever code they passed; an example shows the last cause."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionlog.parsing.traces import MAX_CONDENSED, ONLY_FRAMES, condense, shorten
from tests.parsing.test_joining import CONTINUED

CONDENSED = {
    "java": "2026-03-04 10:11:12 ERROR failed java.lang.IllegalStateException: stock is negative"
    " Suppressed: java.io.IOException: close"
    " Caused by: java.sql.SQLException: deadlock detected Detail: Process 1 waits",
    "java, uncaught": 'Exception in thread "main" java.lang.NullPointerException',
    "java, a bare exception": "2026-03-04 ERROR failed java.lang.Exception: x Caused by: java.lang.Error",
    "scala": "2026-03-04 ERROR failed scala.MatchError: None (of class scala.None$)",
    "python": "2026-03-04 ERROR request failed ZeroDivisionError: division by zero KeyboardInterrupt"
    " app.faults.StopOrders: x",
    "python, frames without their blanks": "2026-03-04 ERROR failed ZeroDivisionError: division by zero",
    "python, a group": "2026-03-04 ERROR boom ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)"
    " ValueError: one",
    "python, sqlalchemy": "2026-03-04 ERROR bad"
    " sqlalchemy.exc.IntegrityError: (psycopg2.errors.UniqueViolation) duplicate key"
    " DETAIL: Key (id)=(1) already exists. [SQL: INSERT INTO t (id) VALUES (%(id)s)]",
    "go": "2026/03/04 10:11:12 serving panic: runtime error: invalid memory address or nil pointer dereference",
    "go, zap": '2026-03-04T10:11:12.206Z ERROR app/main.go:12 failed {"error": "x"}',
    "php, laravel": "[2026-03-04 10:11:12] a.ERROR: no"
    ' {"exception":"[object] (RuntimeException(code: 0): no at /a:3)'
    " [previous exception] [object] (LogicException(code: 0): why at /b.php:7)",
    "dotnet": "fail: Microsoft.AspNetCore.Server.Kestrel[13] An unhandled exception was thrown by the application."
    " System.InvalidOperationException: Order failed"
    " ---> System.Data.SqlClient.SqlException (0x80131904): Timeout expired.",
    "node": "2026-03-04 error: cannot open TypeError: Cannot read properties of undefined (reading 'id')"
    " [cause]: Error: connect ECONNREFUSED 127.0.0.1:5432",
    "node, uncaught": "Error: no stock",
    "ruby": "stock is negative (RuntimeError)",
    "rails": "E, [2026-03-04T10:11:12.206 #1] ERROR -- : refused"
    " NoMethodError (undefined method `id' for nil:NilClass):",
    "php": "PHP Fatal error: Uncaught RuntimeException: stock is negative Next LogicException: order failed",
    "rust": "thread 'main' panicked: index out of bounds: the len is 3 but the index is 99",
    "rust, anyhow": "Error: cannot save order Caused by: 0: cannot open store"
    " 1: No such file or directory (os error 2)",
    "elixir": "10:11:12.206 [error] GenServer #PID<0.1.0> terminating ** (RuntimeError) oops",
    "dart": "Unhandled exception: FormatException: bad",
}
NO_TRACES = ["sql, not indented", "sql on the next line", "postgresql", "json", "xml", "yaml", "a list"]


@pytest.mark.parametrize("name", CONDENSED)
def test_a_trace_is_its_head_and_its_exceptions(name: str) -> None:
    assert condense(CONTINUED[name]) == CONDENSED[name]


@pytest.mark.parametrize("name", NO_TRACES)
def test_another_block_is_the_same_with_single_blanks(name: str) -> None:
    assert condense(CONTINUED[name]) == " ".join(CONTINUED[name].split())


def test_the_same_exception_from_other_code_is_the_same_content() -> None:
    first = "ERROR failed\njava.io.IOException: x\n\tat a.B.c(B.java:1)\n\t... 24 more"
    second = "ERROR failed\njava.io.IOException: x\n\tat d.E.f(E.java:2)\n\tat d.E.<init>(E.java:7)\n\t... 3 more"
    assert condense(first) == condense(second) != condense(first.replace("IOException: x", "IOException: y"))
    places = ("src/a.rs:1:2", "src/b.rs:3:4")
    assert len({condense(f"thread 'main' panicked at {place}:\nfull") for place in places}) == 1
    assert len({condense(f"thread 'main' panicked at 'full', {place}\nnote: run with `X`") for place in places}) == 1


def test_a_message_of_several_lines_is_kept_and_what_stands_between_frames_is_not() -> None:
    text = "ERROR failed\norg.x.QueryException: no\n  such\n  table\n\tat a.B.c(B.java:1)\n  code\n\tat a.B.d(B.java:2)"
    assert condense(text) == "ERROR failed org.x.QueryException: no such table"


def test_an_address_in_the_head_is_kept() -> None:
    assert condense("ERROR no answer at db.example:5432\n\tat a.B.c(B.java:1)") == "ERROR no answer at db.example:5432"


def test_a_block_with_a_place_in_it_is_no_trace() -> None:
    assert condense("hosts:\n  a:80\n  b:81\n  none") == "hosts: a:80 b:81 none"


def test_a_line_alone_is_as_it_is() -> None:
    assert condense("  a  b") == "  a  b"


def test_frames_without_an_exception_are_one_event() -> None:
    assert condense("\tat a.B.c(B.java:1)\n\tat a.B.d(B.java:2)") == ONLY_FRAMES


EXAMPLE = "ERROR failed\njava.io.IOException: x\n" + "\tat a.B.c(B.java:1)\n" * 30
CAUSE = "Caused by: java.sql.SQLException: deadlock detected"


def test_an_example_keeps_head_and_tail() -> None:
    found = shorten("head " + "x" * 500 + " tail", 100)
    assert len(found) == 100
    assert found.startswith("head ")
    assert found.endswith(" tail")


def test_an_example_keeps_the_last_cause_though_frames_follow_it() -> None:
    text = f"{EXAMPLE}Caused by: a.BException: c\n\tat a.B.c(B.java:1)\n{CAUSE}\n" + "\tat a.B.c(B.java:1)\n" * 60
    found = shorten(text, 200)
    assert len(found) <= 200
    assert found.startswith("ERROR failed\njava.io.IOException: x\n")
    assert CAUSE in found


def test_a_short_example_is_as_it_is() -> None:
    assert shorten(EXAMPLE, len(EXAMPLE)) == EXAMPLE


@given(st.text(alphabet="a :\n\tCaused by: E", max_size=200), st.integers(0, 120))
def test_an_example_has_no_more_characters_than_it_may(text: str, limit: int) -> None:
    assert (
        len(shorten(text, limit)) == min(len(text), limit) or text[: limit // 4] == shorten(text, limit)[: limit // 4]
    )
    assert len(shorten(text, limit)) <= limit or len(text) <= limit


@given(st.lists(st.sampled_from(["", " ", "x", "\tat a.B.c(B.java:1)", *CONTINUED["python"].split("\n")]), max_size=60))
def test_any_lines_become_one_of_limited_length(lines: list[str]) -> None:
    found = condense("\n".join(lines))
    assert "\n" not in found
    assert len(found) <= MAX_CONDENSED


@pytest.mark.parametrize("line", ["a.", "A", "(", "#1 (", "at .", "a:1", " ", "[|+ ", "thread '", "at a (", "-"])
def test_a_hostile_line_of_a_megabyte_takes_linear_time(line: str) -> None:
    """Else it would not end within a test's time limit."""
    text = f"E: x\n{line * (1_000_000 // len(line))}\n\tat a.b(c)"
    assert len(condense(text)) <= MAX_CONDENSED
    assert len(shorten(text, 500)) == 500
