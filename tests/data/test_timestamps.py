import pytest

from fusionlog.data.timestamps import ending_at, line_time, line_times


@pytest.mark.parametrize(
    "line",
    [
        "2008-11-09 20:35:30 x",
        "[2008-11-09 20:35:30,000] INFO x",
        "2008-11-09T20:35:30Z x",
        '10.0.0.1 - - [09/Nov/2008:20:35:30 +0000] "GET /"',
        "081109 203530 147 INFO x",
    ],
)
def test_usual_clocks_are_read(line: str) -> None:
    assert line_time(line) == 1226262930.0


@pytest.mark.parametrize("line", ["no clock here", "999999 999999 x", "block 081109 203530"])
def test_what_is_no_clock_is_none(line: str) -> None:
    assert line_time(line) is None


def test_time_never_goes_back_and_runs_on_without_a_clock() -> None:
    times = line_times(["2020-01-01 00:00:05 a", "2020-01-01 00:00:01 b", "no clock"])
    assert times == sorted(times)
    assert times[2] > times[1] == times[0]


def test_a_recording_can_be_moved_to_end_now() -> None:
    assert ending_at([1.0, 3.0], 100.0) == [98.0, 100.0]


def test_a_date_within_a_message_is_not_a_clock() -> None:
    assert line_times(["a", "until 2001-01-01 00:00:00", "b"]) == pytest.approx([0.1, 0.2, 0.3])
