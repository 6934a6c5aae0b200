import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fusionlog.errors import RecordError
from fusionlog.parsing.event_clock import STALE_LINES
from fusionlog.parsing.open_limits import EVENTS_PER_SESSION, OFFSETS_PER_SESSION
from fusionlog.parsing.parser import EXAMPLE_CHARS, Event
from fusionlog.parsing.windows import Membership, Windower
from fusionlog.records import Window, template_id, window_id, window_shape
from fusionlog.settings import WindowSettings

TOPIC = "logs.raw.shop"


@dataclass(frozen=True)
class Line:
    session: str
    text: str
    time: float
    gap: int = 1


def make_event(text: str = "opened", session: str | None = "s1", line: str | None = None) -> Event:
    return Event(template=template_id(text), text=text, session=session, line=line or text)


def make_windower(by: str = "session", **settings: float) -> Windower:
    return Windower("shop", WindowSettings.model_validate({"by": by, "idle_seconds": 10, **settings}), TOPIC, 2)


def run(windower: Windower, lines: list[Line], flush: bool = True) -> list[Window]:
    windows, offset = [], -1
    for line in lines:
        offset += line.gap
        windows += windower.add(make_event(line.text, line.session), (offset, 0), line.time)
    return windows + (windower.flush() if flush else [])


def times(windower: Windower, *moments: float, start: int = 100, session: str = "other") -> list[Window]:
    """The windows that lines of another session at these times close."""
    return [
        window
        for place, moment in enumerate(moments, start)
        for window in windower.add(make_event(session=session), (place, 0), moment)
    ]


def test_a_session_is_one_window() -> None:
    windower = make_windower()
    for offset, (session, text) in enumerate([("s1", "a"), ("s2", "b"), ("s1", "c"), ("s1", "a")]):
        assert windower.add(make_event(text, session), (offset, 0), 100.0 + offset) == []
    first, second = windower.flush()
    assert (first.session, first.first_offset, first.last_offset) == ("s1", 0, 3)
    assert [(event.text, event.count) for event in first.events] == [("a", 2), ("c", 1)]
    assert first.sequence == [0, 1, 0]
    assert (first.started, first.ended, first.closed_by, first.route) == (100.0, 103.0, "silence", None)
    assert (first.system, first.topic, first.partition) == ("shop", TOPIC, 2)
    assert first.id == window_id(TOPIC, 2, (0, 0), (3, 0), "s1")
    assert first.shape == window_shape([(template_id("c"), 1), (template_id("a"), 2)])
    assert second.session == "s2"


def test_the_example_is_the_first_line_of_the_event_and_cut() -> None:
    windower = make_windower()
    windower.add(make_event("a", line="first " + "x" * 1000), (0, 0), 0.0)
    windower.add(make_event("a", line="second"), (1, 0), 0.0)
    example = windower.flush()[0].events[0].example
    assert example.startswith("first ") and len(example) == EXAMPLE_CHARS


def test_a_session_ends_after_an_idle_gap_and_begins_again() -> None:
    windower = make_windower()
    windower.add(make_event(), (0, 0), 0.0)
    assert windower.add(make_event(), (1, 0), 2.5) == []
    assert windower.add(make_event(), (2, 0), 13.0) == [], "one line is no evidence that so much time passed"
    assert windower.first_open == (0, 0)
    (closed,) = times(windower, 13.0, 13.0, 13.0, 13.0)
    assert (closed.first_offset, closed.last_offset, closed.closed_by) == (0, 1, "idle")
    assert windower.first_open == (2, 0)


def test_lines_of_another_session_close_an_idle_one() -> None:
    windower = make_windower()
    windower.add(make_event(session="s1"), (0, 0), 0.0)
    windows = times(windower, *(2.0 * step for step in range(1, 7)))
    assert [(window.session, window.closed_by) for window in windows] == [("s1", "idle")]


def test_lines_in_no_window_close_idle_sessions_alone() -> None:
    windower = make_windower()
    windower.add(make_event(session="s1"), (0, 0), 0.0)
    windower.add(make_event(session="s2"), (1, 0), 2.5)
    closed = [window for step in range(2, 6) for window in windower.advance(2.5 * step)]
    assert [window.session for window in closed] == ["s1"]
    assert windower.advance(3.0) == [] and windower.first_open == (1, 0)


def test_a_line_that_waits_for_evidence_is_in_its_window_at_the_end() -> None:
    windower = make_windower()
    windower.add(make_event(session="s1"), (0, 0), 0.0)
    windower.add(make_event(session="s1"), (1, 0), 50.0)
    windows = windower.flush()
    assert [(window.first_offset, window.closed_by) for window in windows] == [(0, "idle"), (1, "silence")]
    assert windower.idle


def test_one_line_far_ahead_closes_no_session_nor_splits_its_own() -> None:
    windower = make_windower(idle_seconds=600)
    for place in range(40):
        ahead = 58 * 60.0 if place == 17 else 0.0
        assert windower.add(make_event(session=f"s{place % 2}"), (place, 0), 1000.0 + place + ahead) == []
    windows = windower.flush()
    assert [(window.session, len(window.sequence)) for window in windows] == [("s0", 20), ("s1", 20)]
    assert windower.outliers == 1 and max(window.ended for window in windows) < 1100.0


def test_a_first_line_far_ahead_does_not_stop_the_clock() -> None:
    windower = make_windower(idle_seconds=60)
    windower.add(make_event(session="first"), (0, 0), 1e6)
    closed = times(windower, *(float(second) for second in range(0, 200, 10)), start=1)
    assert [window.session for window in closed] == ["first"]


def test_hours_between_lines_of_a_replay_close_sessions() -> None:
    windower = make_windower(idle_seconds=60)
    closed: list[Window] = []
    for hour in range(4):
        for line in range(10):
            closed += windower.add(make_event(session="host"), (10 * hour + line, 0), 3600.0 * hour + line)
    assert [(window.first_offset, window.last_offset) for window in closed + windower.flush()] == [
        (0, 9), (10, 19), (20, 29), (30, 39),
    ]  # fmt: skip


def test_late_data_neither_closes_sessions_nor_does_the_return_from_it() -> None:
    windower = make_windower(idle_seconds=60, max_events=10_000)
    assert times(windower, *(100000.0 + line for line in range(20)), start=0, session="live") == []
    assert times(windower, *[5.0] * (STALE_LINES + 50), start=100, session="late") == []
    assert times(windower, *(100020.0 + line for line in range(20)), start=5000, session="live") == []


def test_two_hosts_an_hour_apart_close_no_session_of_each_other() -> None:
    windower, closed = make_windower(idle_seconds=60), []
    for line in range(60):
        for host in (0, 1):
            moment = 3600.0 * host + line
            closed += windower.add(make_event(session=f"host{host}"), (2 * line + host, 0), moment)
    assert closed == []


def test_a_session_is_cut_at_its_limit() -> None:
    windower = make_windower(max_events=2)
    windows = run(windower, [Line("s1", "a", 0.0)] * 5)
    assert [(len(window.sequence), window.closed_by) for window in windows] == [
        (2, "size"),
        (2, "size"),
        (1, "silence"),
    ]


def test_windows_by_count_take_consecutive_lines_of_any_session() -> None:
    windower = make_windower("count", size=3)
    windows = run(windower, [Line(f"s{number}", "a", 1000.0 * number) for number in range(7)])
    assert [window.sequence for window in windows] == [[0] * 3, [0] * 3, [0]]
    assert [window.closed_by for window in windows] == ["count", "count", "silence"]
    assert [window.session for window in windows] == ["2-0", "2-3", "2-6"]
    assert windower.advance(1e9) == []


def test_a_line_without_a_key_is_refused_where_windows_are_by_session() -> None:
    windower = make_windower()
    with pytest.raises(RecordError) as raised:
        windower.add(make_event(session=None), (0, 0), 0.0)
    assert raised.value.reason == "no-session-key"
    assert windower.first_open is None
    assert make_windower("count").add(make_event(session=None), (0, 0), 0.0) == []


def test_an_offset_that_was_taken_is_refused() -> None:
    windower = make_windower()
    windower.add(make_event(), (4, 0), 0.0)
    with pytest.raises(RecordError) as raised:
        windower.add(make_event(), (4, 0), 0.0)
    assert raised.value.reason == "offset-order"
    assert [len(window.sequence) for window in windower.flush()] == [1]


def test_a_lagging_host_does_not_lose_its_sessions() -> None:
    lines = [Line(*pair) for number in range(20) for pair in (("new", "a", 5000.0 + number), ("old", "b", number))]
    windows = run(make_windower(), lines)
    assert sorted((window.session, len(window.sequence)) for window in windows) == [("new", 20), ("old", 20)]


def test_a_line_of_several_sessions_is_in_a_window_of_each() -> None:
    windower = make_windower()
    windower.add(replace(make_event("both", "s1"), more=("s2", "s3")), (4, 2), 0.0)
    windower.add(make_event("one", "s2"), (4, 3), 0.0)
    windows = windower.flush()
    assert [(window.session, len(window.sequence)) for window in windows] == [("s1", 1), ("s2", 2), ("s3", 1)]
    assert {(window.first_offset, window.first_index) for window in windows} == {(4, 2)}
    assert len({window.id for window in windows}) == 3
    assert [windower.share(window)[:2] for window in windows] == [(1, 1), (1, 2), (0, 1)]


def test_a_line_may_need_an_earlier_line_for_its_key() -> None:
    windower = make_windower()
    windower.add(make_event(), (4, 0), 0.0, Membership((2, 0)))
    assert (windower.first_open, windower.first_anchor) == ((4, 0), (2, 0))
    (window,) = windower.flush()
    assert window.first_offset == 4 and windower.share(window).anchor == (2, 0)


LINES = st.lists(
    st.builds(
        Line,
        session=st.sampled_from(["s1", "s2", "s3"]),
        text=st.sampled_from(["a", "b", "c"]),
        time=st.floats(0, 60) | st.sampled_from([0.0, 1e12]),
        gap=st.integers(1, 3),
    ),
    max_size=60,
)
KINDS = st.sampled_from(["session", "count"])


@given(LINES, KINDS, st.integers(1, 6))
def test_every_line_is_in_exactly_one_window(lines: list[Line], by: str, limit: int) -> None:
    windower = make_windower(by, max_events=limit, size=limit)
    windows = run(windower, lines)
    assert sum(len(window.sequence) for window in windows) == len(lines)
    assert sum(event.count for window in windows for event in window.events) == len(lines)
    for name in ("id", "first_offset", "last_offset"):
        assert len({getattr(window, name) for window in windows}) == len(windows)
    assert (windower.idle, windower.first_open) == (True, None)
    for window in windows:
        assert len(window.sequence) <= limit
        assert [window.sequence.count(place) for place in range(len(window.events))] == [e.count for e in window.events]
        assert window.started <= window.ended
        if by == "session":
            offsets = [sum(line.gap for line in lines[: place + 1]) - 1 for place in range(len(lines))]
            own = [offset for offset, line in zip(offsets, lines, strict=True) if line.session == window.session]
            inside = [offset for offset in own if window.first_offset <= offset <= window.last_offset]
            assert len(inside) == len(window.sequence)


@given(LINES, KINDS, st.integers(1, 6), st.sets(st.integers(0, 60)))
def test_same_lines_same_windows_wherever_the_batches_end(
    lines: list[Line], by: str, limit: int, ends: set[int]
) -> None:
    plain, batched = (make_windower(by, max_events=limit, size=limit) for _ in range(2))
    windows, offset = [], -1
    for place, line in enumerate(lines):
        offset += line.gap
        windows += batched.add(make_event(line.text, line.session), (offset, 0), line.time)
        if place in ends:
            batched.clock.allow(0.0)
    assert run(plain, lines) == windows + batched.flush()


@given(LINES, KINDS, st.integers(1, 6))
def test_first_open_is_the_oldest_line_of_no_closed_window(lines: list[Line], by: str, limit: int) -> None:
    windower = make_windower(by, max_events=limit, size=limit)
    held: dict[str, list[int]] = {}
    offset = -1
    for line in lines:
        offset += line.gap
        session = line.session if by == "session" else ""
        held.setdefault(session, []).append(offset)
        for window in windower.add(make_event(line.text, line.session), (offset, 0), line.time):
            key = window.session if by == "session" else ""
            held[key] = [place for place in held[key] if place > window.last_offset]
        open_offsets = [place for places in held.values() for place in places]
        first = min(open_offsets, default=None)
        assert windower.first_open == (None if first is None else (first, 0))


def steps(action: Callable[[], object]) -> int:
    """The instructions that Python runs for an action."""
    count, before = 0, sys.gettrace()

    def trace(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    sys.settrace(trace)
    try:
        action()
    finally:
        sys.settrace(before)
    return count


def test_many_open_sessions_cost_no_step_more_than_few() -> None:
    def taken(sessions: int) -> int:
        windower = make_windower(idle_seconds=1e6)
        for offset in range(sessions):
            windower.add(make_event(session=f"s{offset}"), (offset, 0), 0.0)

        def look() -> None:
            assert windower.first_open == (0, 0)
            windower.advance(1.0)
            windower.add(make_event(session="s1"), (sessions, 0), 1.0)

        return steps(look)

    assert taken(5) == taken(5000) > 0


def limited(max_open: int, **settings: float) -> Windower:
    window = WindowSettings.model_validate({"by": "session", "idle_seconds": 1000, **settings})
    return Windower("shop", window, TOPIC, 2, max_open)


def test_beyond_the_limit_of_open_sessions_the_one_without_a_line_for_longest_is_closed() -> None:
    windower = limited(3)
    lines = [Line(session, "a", 100.0) for session in ("s1", "s2", "s3", "s1", "s4", "s5")]
    assert [(each.session, each.closed_by) for each in run(windower, lines, flush=False)] == [
        ("s2", "overflow"), ("s3", "overflow"),
    ]  # fmt: skip
    assert windower.overflowed == 2 and windower.first_open == (0, 0)
    assert [(each.session, len(each.sequence), each.closed_by) for each in windower.flush()] == [
        ("s1", 2, "silence"), ("s4", 1, "silence"), ("s5", 1, "silence"),
    ]  # fmt: skip


def test_a_line_of_many_sessions_opens_no_more_than_the_limit() -> None:
    windower = limited(3)
    event = replace(make_event(session="k0"), more=tuple(f"k{number}" for number in range(1, 50)))
    closed = windower.add(event, (0, 0), 100.0)
    assert len(closed) == 47 and [each.session for each in windower.flush()] == ["k47", "k48", "k49"]


def test_many_distinct_events_in_few_sessions_are_limited_as_well() -> None:
    windower = limited(2)
    lines = [Line("s1", f"event {number}", 100.0) for number in range(2 * EVENTS_PER_SESSION)]
    assert run(windower, [Line("s0", "first", 100.0), *lines], flush=False)[0].session == "s0"
    (closed,) = windower.add(make_event("one more", "s1"), (1000, 0), 100.0)
    assert (closed.session, closed.closed_by, len(closed.events)) == ("s1", "overflow", 2 * EVENTS_PER_SESSION + 1)


def test_a_session_that_goes_on_and_on_holds_the_commit_back_so_far_at_most() -> None:
    windower = limited(2, max_events=10_000)
    lines = [Line(session, "a", 100.0) for _ in range(OFFSETS_PER_SESSION) for session in ("long", "short", "short")]
    windows = run(windower, lines, flush=False)
    assert [(each.session, each.closed_by, each.first_offset) for each in windows] == [
        ("long", "overflow", 0), ("short", "overflow", 1),
    ]  # fmt: skip
    assert len(windows[0].sequence) == 1 + 2 * OFFSETS_PER_SESSION // 3 and windower.first_open == (42, 0)


def test_windows_by_count_have_no_limit_of_open_ones() -> None:
    windower = Windower("shop", WindowSettings(by="count", size=100), TOPIC, 2, 1)
    windows = run(windower, [Line("", f"event {number}", 100.0) for number in range(250)])
    assert [(each.closed_by, len(each.sequence)) for each in windows] == [
        ("count", 100),
        ("count", 100),
        ("silence", 50),
    ]


@given(st.lists(st.sampled_from(["s1", "s2", "s3", "s4", "s5", "s6"]), max_size=60), st.integers(1, 6))
def test_a_limit_loses_no_line_and_repeats_none(sessions: list[str], most: int) -> None:
    windower = limited(most, max_events=7)
    windows = run(windower, [Line(session, "a", 100.0) for session in sessions])
    assert sorted(each.session for each in windows for _ in each.sequence) == sorted(sessions)
    assert len({each.id for each in windows}) == len(windows)
