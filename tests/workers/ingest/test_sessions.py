"""The sessions that a line is added to."""

from __future__ import annotations

from fusionlog.parsing.parser import Event
from fusionlog.settings import SystemSettings
from fusionlog.workers.ingest.resume_state import CoveredLines, Emitted
from fusionlog.workers.ingest.sessions import Sessions
from fusionlog.workers.ingest.tally import Batch

BY_SESSION = {"session": r"s=(\w+)", "window": {"by": "session", "idle_seconds": 10}}


def make_sessions(covered: CoveredLines | None = None, **settings: object) -> Sessions:
    return Sessions(SystemSettings.model_validate({**BY_SESSION, **settings}), covered)


def make_event(session: str | None, *more: str) -> Event:
    return Event(template="t", text="x", session=session, line="x", more=more)


def covering(session: str, last: int) -> CoveredLines:
    window = Emitted(session=session, topic="raw", partition=0, first_offset=0, last_offset=last)
    return CoveredLines([window], by_session=True)


def test_a_line_without_a_key_is_dropped_and_counted() -> None:
    batch = Batch()
    assert make_sessions().of(make_event(None), (0, 0), b"h", 1.0, batch) is None
    assert batch == Batch(dropped=1)


def test_a_line_inherits_all_keys_of_its_source_and_needs_the_line_that_gave_them() -> None:
    sessions, batch = make_sessions(inherit=True), Batch()
    assert sessions.inherits and not sessions.are_own
    sessions.of(make_event("a", "b"), (3, 1), b"h", 1.0, batch)
    found = sessions.of(make_event(None), (4, 0), b"h", 2.0, batch)
    assert found is not None and (found[0].session, found[0].more) == ("a", ("b",))
    assert found[1].anchor == (3, 1) and found[1].counted and batch == Batch(inherited=1)
    assert sessions.first_needed(5) == (3, 1)
    sessions.forget()
    assert sessions.first_needed(5) is None


def test_a_line_stays_out_of_the_sessions_whose_emitted_window_has_it() -> None:
    batch = Batch()
    found = make_sessions(covering("a", 5)).of(make_event("a", "b"), (4, 0), b"h", 1.0, batch)
    assert found is not None and (found[0].session, found[0].more) == ("b", ())
    assert not found[1].counted and batch == Batch(repeated=1), "the line was counted with the session a"
    found = make_sessions(covering("b", 5)).of(make_event("a", "b"), (4, 0), b"h", 1.0, batch)
    assert found is not None and (found[0].session, found[0].more) == ("a", ()) and found[1].counted


def test_behind_the_emitted_windows_sessions_are_those_of_the_line() -> None:
    sessions, batch = make_sessions(covering("a", 5)), Batch()
    assert sessions.of(make_event("a"), (5, 0), b"h", 1.0, batch) is None and not sessions.are_own
    assert sessions.of(make_event("a"), (6, 0), b"h", 1.0, batch) is not None and sessions.are_own
    assert batch == Batch(repeated=1)


def test_windows_by_count_need_no_key() -> None:
    batch = Batch()
    sessions = Sessions(SystemSettings(), CoveredLines([], by_session=False))
    assert sessions.of(make_event(None), (0, 0), b"h", 1.0, batch) is not None and batch == Batch()
