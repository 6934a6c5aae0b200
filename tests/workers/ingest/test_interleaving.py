"""The order of lines that come in blocks of one raw partition each."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fusionlog.workers.ingest.interleaving import HOLD_SECONDS, MAX_HELD, MAX_HELD_CHARS, Interleaver


def push(merged: Interleaver[str], partition: int, *arrivals: float, now: float) -> None:
    for arrived in arrivals:
        merged.push(partition, (arrived, 0.0), f"{partition}@{arrived:g}", now)


def test_blocks_of_partitions_come_out_in_the_order_of_arrival() -> None:
    merged: Interleaver[str] = Interleaver(now=-10.0)
    push(merged, 0, 1, 3, 5, now=0.0)
    push(merged, 1, 2, 4, 6, now=0.0)
    assert merged.ready(0.0) == ["0@1", "1@2", "0@3", "1@4", "0@5"], "partition 0 may give one before 6"
    push(merged, 0, 7, now=0.1)
    assert merged.ready(0.1) == ["1@6"]


def test_a_partition_that_gives_nothing_is_waited_for_no_longer_than_two_seconds() -> None:
    merged: Interleaver[str] = Interleaver(now=-10.0)
    push(merged, 1, 1, now=0.0)
    assert merged.ready(0.0) == ["1@1"]
    push(merged, 0, 2, 3, now=1.0)
    assert merged.ready(1.9) == []
    assert merged.ready(HOLD_SECONDS) == ["0@2", "0@3"]


def test_at_its_beginning_it_waits_for_partitions_that_it_has_not_met() -> None:
    merged: Interleaver[str] = Interleaver(now=0.0)
    push(merged, 0, 5, now=0.0)
    assert merged.ready(1.0) == []
    push(merged, 1, 2, now=1.0)
    assert merged.ready(HOLD_SECONDS + 0.5) == ["1@2", "0@5"]


def test_a_line_of_a_wrong_clock_is_held_for_two_seconds_and_holds_no_other() -> None:
    merged: Interleaver[str] = Interleaver(now=-10.0)
    push(merged, 0, 9000, now=0.0)
    push(merged, 1, 1, 2, now=0.0)
    push(merged, 0, 3, now=0.0)
    assert merged.ready(0.0) == ["1@1", "1@2"]
    push(merged, 1, 4, now=1.9)
    assert merged.ready(HOLD_SECONDS) == ["1@4", "0@9000", "0@3"]


def test_so_many_lines_are_held_and_no_more() -> None:
    merged: Interleaver[str] = Interleaver(now=0.0)
    push(merged, 0, *range(MAX_HELD + 5), now=0.0)
    assert merged.ready(0.1) == [f"0@{number}" for number in range(5)]
    assert len(merged.flush()) == MAX_HELD and merged.heads == []


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 100), st.floats(0, 1)), max_size=50))
def test_each_line_comes_out_once_and_those_of_a_partition_in_their_order(
    pushes: list[tuple[int, float, float]],
) -> None:
    merged: Interleaver[tuple[int, int]] = Interleaver(now=0.0)
    now, found = 0.0, []
    for number, (partition, arrived, step) in enumerate(pushes):
        now += step
        merged.push(partition, (arrived, 0.0), (partition, number), now)
        found += merged.ready(now)
    found += merged.flush()
    assert sorted(number for _, number in found) == list(range(len(pushes)))
    for partition in range(4):
        own = [number for each, number in found if each == partition]
        assert own == sorted(own)


def test_long_lines_are_held_up_to_a_number_of_characters() -> None:
    merged: Interleaver[str] = Interleaver(now=0.0)
    for number in range(10):
        merged.push(0, (float(number), 0.0), str(number), 0.0, MAX_HELD_CHARS // 5)
    assert merged.ready(0.0) == ["0", "1", "2", "3", "4"]
    assert merged.ready(0.0) == [] and len(merged.flush()) == 5
