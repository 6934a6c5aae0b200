"""The times that lines begin with."""

from __future__ import annotations

from itertools import pairwise

import pytest

from fusionlog.onboarding.line_clock import line_times


@pytest.mark.parametrize(
    "form",
    [
        "2026-03-04T10:11:{:02}Z order taken", "[2026-03-04 10:11:{:02},123] node-1 INFO x",
        "Mar  4 10:11:{:02} web1 sshd: x", "081109 2035{:02} 147 INFO dfs: x", "INFO 2026-03-04 10:11:{:02} x",
        "17726190{:02} x y", "04/Mar/2026:10:11:{:02} +0000 x",
    ],
)  # fmt: skip
def test_the_times_of_lines_are_as_far_apart_as_they_were_written(form: str) -> None:
    times = line_times([form.format(second) for second in range(10, 40)])
    gaps = {round(after - before, 3) for before, after in pairwise(times) if before and after}
    assert None not in times
    assert gaps == {1.0}


@pytest.mark.parametrize("form", ["order {} was taken", "R02-M1-N{} RAS KERNEL INFO x", "{} 17 a b", "took 0.{} s"])
def test_lines_without_a_time_have_none(form: str) -> None:
    assert line_times([form.format(number) for number in range(30)]) == [None] * 30


def test_lines_that_lack_it_have_none() -> None:
    lines = ["2026-03-04T10:11:12Z a b"] * 9 + ["  at frame"]
    assert [time is None for time in line_times(lines)] == [False] * 9 + [True]
