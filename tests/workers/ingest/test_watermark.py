"""The commit watermark against a model that remembers everything."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fusionlog.workers.ingest.watermark import CommitWatermark


def test_nothing_read_commits_the_start() -> None:
    assert CommitWatermark(7).position() == 7


def test_an_open_window_holds_it_back() -> None:
    mark = CommitWatermark(0)
    for offset in range(10):
        mark.read(offset)
    assert (mark.position(), mark.position(first_open=(4, 0))) == (10, 4)


def test_what_is_not_acknowledged_holds_it_back() -> None:
    mark = CommitWatermark(0)
    for offset in range(10):
        mark.read(offset)
    mark.sent((3, 0))
    mark.sent((1, 0))
    assert mark.position() == 1
    mark.acked((1, 0))
    assert (mark.position(), mark.unacked) == (3, 1)
    mark.acked((3, 0))
    assert (mark.position(), mark.unacked) == (10, 0)


def test_several_windows_that_begin_at_one_position_hold_it_back_each() -> None:
    mark = CommitWatermark(0)
    mark.read(5)
    mark.sent((3, 1))
    mark.sent((3, 1))
    mark.acked((3, 1))
    assert (mark.position(), mark.unacked) == (3, 1)
    mark.acked((3, 1))
    assert (mark.position(), mark.unacked) == (6, 0)


def test_a_joined_line_is_read_again_from_its_first_piece_or_not_at_all() -> None:
    mark = CommitWatermark(0)
    mark.read(20)
    mark.joined((1, 0), (5, 0))
    mark.joined((4, 0), (9, 0))
    mark.joined((12, 0), (12, 3))
    assert mark.position(first_open=(7, 0)) == 1
    assert mark.position(first_open=(12, 2)) == 12
    assert mark.position() == 21


steps = st.lists(st.tuples(st.sampled_from(["line", "new", "close", "ack"]), st.integers(0, 10**6)), max_size=200)


@given(start=st.integers(0, 1000), steps=steps)
def test_no_line_before_the_position_is_open_or_unacknowledged(start: int, steps: list[tuple[str, int]]) -> None:
    mark = CommitWatermark(start)
    offset, before = start, start
    open_windows: list[list[int]] = []
    sent: list[list[int]] = []
    for action, choice in steps:
        if action in ("line", "new"):
            mark.read(offset)
            if action == "new" or not open_windows:
                open_windows.append([])
            open_windows[choice % len(open_windows)].append(offset)
            offset += 1 + choice % 3
        elif action == "close" and open_windows:
            window = open_windows.pop(choice % len(open_windows))
            if window:
                sent.append(window)
                mark.sent((window[0], 0))
        elif action == "ack" and sent:
            mark.acked((sent.pop(choice % len(sent))[0], 0))
        open_windows = [window for window in open_windows if window]
        unfinished = [line for window in (*open_windows, *sent) for line in window]
        position = mark.position(min(((window[0], 0) for window in open_windows), default=None))
        assert before <= position <= max(offset, start)
        assert all(line >= position for line in unfinished)
        if not unfinished:
            assert position == mark.next_offset
        before = position
