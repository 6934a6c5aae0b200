"""What a commit's metadata says, and which lines it keeps out of a second window."""

from __future__ import annotations

from aiokafka import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from fusionlog.workers.ingest.resume_state import (
    CoveredLines,
    Emitted,
    OutputOffsets,
    ResumeState,
    from_metadata,
    to_metadata,
)

GENERAL, OTHER = TopicPartition("general", 0), TopicPartition("general", 1)


def emitted(session: str, first: int, last: int) -> Emitted:
    return Emitted(session=session, topic="raw", partition=0, first_offset=first, last_offset=last)


def test_lines_of_an_emitted_window_are_covered_and_others_are_not() -> None:
    covered = CoveredLines([emitted("a", 2, 9), emitted("a", 20, 25), emitted("b", 4, 4)], by_session=True)
    assert [covered.covers("a", (offset, 0)) for offset in (1, 2, 9, 10, 20, 25, 26)] == [
        False, True, True, False, True, True, False,
    ]  # fmt: skip
    assert not covered.covers("b", (5, 0)) and not covered.covers("c", (4, 0)) and not covered.covers(None, (4, 0))


def test_a_window_covers_its_lines_of_a_record_and_no_others() -> None:
    window = Emitted(session="a", topic="raw", partition=0, first_offset=2, first_index=1, last_offset=3, last_index=0)
    covered = CoveredLines([window], by_session=True)
    positions = [(2, 0), (2, 1), (2, 2), (3, 0), (3, 1)]
    assert [covered.covers("a", position) for position in positions] == [False, True, True, True, False]


def test_windows_by_count_cover_every_line_between_their_ends() -> None:
    covered = CoveredLines([emitted("0-2", 2, 9), emitted("0-10", 10, 11)], by_session=False)
    assert [covered.covers(None, (offset, 0)) for offset in (1, 2, 10, 11, 12)] == [False, True, True, True, False]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 5)), max_size=60), st.booleans())
def test_covered_agrees_with_a_look_at_every_window(lines: list[tuple[str, int]], by_session: bool) -> None:
    windows: list[Emitted] = []
    opened: dict[str, int] = {}
    for offset, (session, size) in enumerate(lines):
        key = session if by_session else ""
        first = opened.setdefault(key, offset)
        if offset - first >= size:
            windows.append(emitted(session, first, offset))
            del opened[key]
    covered = CoveredLines(windows, by_session)
    for offset, (session, _) in enumerate(lines):
        expected = any(
            each.first_offset <= offset <= each.last_offset and (not by_session or each.session == session)
            for each in windows
        )
        assert covered.covers(session, (offset, 0)) == expected


def test_the_trail_leads_to_the_first_window_with_a_line_after_the_position() -> None:
    outputs = OutputOffsets()
    outputs.next = {GENERAL: 100, OTHER: 50}
    resume_state = ResumeState(outputs)
    resume_state.acked(last_offset=5, place=GENERAL, offset=100)
    resume_state.acked(last_offset=30, place=GENERAL, offset=101)
    resume_state.acked(last_offset=7, place=GENERAL, offset=102)
    assert resume_state.places(5) == {GENERAL: 100, OTHER: 50}
    assert resume_state.places(6) == {GENERAL: 101, OTHER: 50}
    assert resume_state.places(31) == {GENERAL: 103, OTHER: 50}


def test_metadata_survives_and_that_of_others_is_ignored() -> None:
    places = {GENERAL: 7, OTHER: 0, TopicPartition("proprietary", 3): 12}
    assert from_metadata(to_metadata(places)) == places
    assert from_metadata("") is None and from_metadata("by hand") is None and from_metadata('{"a": 1}') is None


def test_metadata_that_kafka_would_refuse_is_left_out() -> None:
    places = {TopicPartition("a-topic-with-a-long-name", number): 10**12 for number in range(400)}
    assert to_metadata(places) == ""
