"""Lines of progress: from a job to the program that submitted it."""

from __future__ import annotations

import pytest

from ray_jobs.progress import NewLines, marked, steps, within


def test_a_line_has_the_job_and_the_place(capsys: pytest.CaptureFixture[str]) -> None:
    within(marked("meta-train"), "kafka, 12 sessions")(steps(1, 200, 300))
    assert capsys.readouterr().out == "meta-train: kafka, 12 sessions, step 200 of 300\n"


def test_steps_of_fits_that_run_at_a_time_are_summed_up() -> None:
    assert steps(2, 1200, 1000) == "2 fits, step 1,200 of 2,000"


def test_only_complete_lines_of_the_job_come_and_each_once() -> None:
    new = NewLines("distill")
    assert list(new.take("distill: a\nwarning: b\ndisti")) == ["distill: a"]
    assert list(new.take("distill: a\nwarning: b\ndistill: c\n")) == ["distill: c"]
    assert list(new.take("distill: a\nwarning: b\ndistill: c\n")) == []
    assert list(new.take("")) == []
