"""Which lines of a keyed partition come for the first time, and what a commit keeps of that."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fusionlog.records import KeyedLine
from fusionlog.workers.ingest.origins import MAX_MARKS, UNKNOWN, Origin, Origins, SeenOrigins


def line(offset: int, after: int | None = None, *, partition: int = 0, member: int = 0, epoch: int = 1) -> KeyedLine:
    return KeyedLine(
        session="s", text="t", time=0.0, arrived=0.0, topic="raw", partition=partition, offset=offset, member=member,
        epoch=epoch, after=None if after is None else (after, 0, 0),
    )  # fmt: skip


def taken(seen: SeenOrigins, *lines: KeyedLine) -> list[int]:
    return [each.offset for each in lines if seen.take(each)]


def greatest(offset: int) -> Origins:
    found: dict[int, Origin] = {0: (1, offset, 0, 0)}
    return Origins(found)


def test_a_successor_that_sends_lines_again_repeats_none() -> None:
    seen = SeenOrigins(0, Origins())
    assert taken(seen, line(5), line(8, 5), line(12, 8)) == [5, 8, 12]
    assert taken(seen, line(8), line(12, 8), line(15, 12)) == [15]


def test_a_frozen_writer_that_wakes_repeats_none() -> None:
    seen = SeenOrigins(0, Origins())
    assert taken(seen, line(1), line(2, 1), line(3, 2), line(4, 3)) == [1, 2, 3, 4]
    assert taken(seen, line(2, 1), line(3, 2)) == []


def test_a_line_behind_a_batch_that_was_lost_waits_for_both_to_be_sent_again() -> None:
    seen = SeenOrigins(0, Origins())
    assert taken(seen, line(1), line(18, 17), line(20, 18)) == [1]
    assert taken(seen, line(13), line(17, 13), line(18, 17), line(20, 18)) == [13, 17, 18, 20]


def test_the_first_batch_that_was_lost_is_missed_as_well() -> None:
    assert taken(SeenOrigins(0, Origins()), line(3, 2), line(1), line(2, 1), line(3, 2)) == [1, 2, 3]


def test_where_it_is_not_known_what_was_taken_any_line_may_be_the_next_one() -> None:
    assert taken(SeenOrigins(50, UNKNOWN), line(3, 2), line(4, 3), line(9, 8)) == [3, 4]


def test_raw_partitions_are_apart_and_so_are_the_sessions_of_a_line() -> None:
    seen = SeenOrigins(0, Origins())
    assert taken(seen, line(5), line(5, partition=1), line(5, member=1), line(5, member=1)) == [5, 5, 5]


def test_a_raw_topic_that_was_made_again_begins_again() -> None:
    seen = SeenOrigins(0, Origins())
    assert taken(seen, line(900), line(0, epoch=2), line(1, 0, epoch=2), line(901, 900)) == [900, 0, 1]


def test_after_records_that_retention_deleted_the_next_line_is_taken() -> None:
    seen = SeenOrigins(0, Origins())
    assert taken(seen, line(1), line(9, 8)) == [1]
    seen.forget()
    assert taken(seen, line(10, 9), line(11, 10)) == [10, 11]
    seen.mark(5)
    assert not seen.at(5)[1].complete


def test_a_commit_is_that_of_the_last_mark_and_has_its_origins() -> None:
    seen = SeenOrigins(0, Origins())
    for offset in range(10):
        seen.take(line(100 + offset))
        if offset in (3, 6):
            seen.mark(offset + 1)
    assert seen.at(3) == (0, Origins())
    assert seen.at(6) == (4, greatest(103))
    assert seen.at(6)[0] == 4 and seen.at(9) == (7, greatest(106))


def test_the_marks_are_bounded_and_the_newest_is_kept() -> None:
    seen = SeenOrigins(0, Origins())
    for offset in range(10 * MAX_MARKS):
        seen.take(line(offset))
        seen.mark(offset + 1)
    assert len(seen._marks) <= MAX_MARKS
    assert seen.at(10 * MAX_MARKS)[0] == 10 * MAX_MARKS


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 30)), max_size=60), st.integers(0, 60), st.integers(1, 9))
def test_who_goes_on_at_a_commit_takes_what_the_first_reader_took(
    places: list[tuple[int, int]], position: int, every: int
) -> None:
    lines = [line(offset, partition=partition) for partition, offset in places]
    first, took = SeenOrigins(0, Origins()), []
    for offset, each in enumerate(lines):
        if not offset % every:
            first.mark(offset)
        took.append(first.take(each))
    start, origins = first.at(position)
    assert start <= position
    second = SeenOrigins(start, origins)
    assert [second.take(each) for each in lines[start:]] == took[start:]
