"""The line of a job's output that has the reason."""

from __future__ import annotations

from fusionlog.utils.failure_line import failure_line


def test_an_exception_counts_before_what_was_printed_after_it() -> None:
    log = ["Traceback (most recent call last):", '  File "job.py", line 1', "TypeError: cannot pickle a lock", "=" * 80]
    assert failure_line(log) == "TypeError: cannot pickle a lock"


def test_the_last_exception_is_the_one_that_ended_the_job() -> None:
    assert failure_line(["KeyError: 'a'", "During handling of the above", "pkg.own.RayTaskError(ValueError): b"]) == (
        "pkg.own.RayTaskError(ValueError): b"
    )


def test_without_an_exception_the_last_line_with_a_word_counts() -> None:
    assert failure_line(["reading", "  no such file  ", "----"]) == "no such file"
    assert failure_line(["===", ""]) == ""
