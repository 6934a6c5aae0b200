"""Sessions in several partitions at a time."""

from __future__ import annotations

from fusionlog.records import Window
from fusionlog.workers.ingest.scattered import ScatteredSessions
from tests.factories import make_window


def window(session: str, partition: int, started: float = 1000.0) -> Window:
    return make_window(session=session, partition=partition, started=started, ended=started + 5)


def test_a_session_in_two_partitions_within_an_idle_gap_is_scattered_and_counts_once() -> None:
    sessions = ScatteredSessions("shop", idle=60.0)
    assert [sessions.add(window("a", partition)) for partition in (0, 1, 2, 0)] == [False, True, False, False]
    assert (sessions.sessions, sessions.scattered) == (1, 1)


def test_a_session_that_moves_after_an_idle_gap_is_another_one() -> None:
    sessions = ScatteredSessions("shop", idle=60.0)
    assert not sessions.add(window("a", 0)) and not sessions.add(window("a", 1, started=1100.0))
    assert not sessions.add(window("b", 0)) and not sessions.add(window("b", 0, started=1010.0))
    assert (sessions.sessions, sessions.scattered) == (3, 0)


def test_the_warning_has_the_share_an_example_and_the_way_out() -> None:
    sessions = ScatteredSessions("shop", idle=60.0)
    for number in range(40):
        for partition in range(2 if number < 10 else 1):
            sessions.add(window(f"s{number}", partition))
    warning = sessions.warning()
    assert warning is not None and warning.startswith("shop: 10 of 40 sessions have lines in several partitions")
    assert "'s9'" in warning and "key its records by session or host" in warning
    assert sessions.warning() is None, "each is reported once"


def test_few_scattered_sessions_are_no_warning() -> None:
    sessions = ScatteredSessions("shop", idle=60.0)
    for number in range(100):
        for partition in range(2 if number < 5 else 1):
            sessions.add(window(f"s{number}", partition))
    assert sessions.warning() is None
