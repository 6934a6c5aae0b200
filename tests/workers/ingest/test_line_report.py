"""What an operator reads about the lines of a system."""

from __future__ import annotations

from fusionlog.errors import RecordError
from fusionlog.records import Window
from fusionlog.settings import SystemSettings, WindowSettings
from fusionlog.utils.expression_limit import SlowExpression
from fusionlog.workers.ingest.line_report import FIRST_LINES, PERIOD_SECONDS, LineReport
from fusionlog.workers.ingest.tally import Batch
from tests.factories import make_window

SYSTEM = SystemSettings(session=r" ([0-9a-f]{16}) ", header="<Level> <Content>", window=WindowSettings(by="session"))


def windows(count: int, *texts: str) -> list[Window]:
    return [make_window(*texts or ("disk full",), system="orders") for _ in range(count)]


def make_report() -> LineReport:
    report = LineReport("orders", SYSTEM)
    assert report.due(0.0) == ([], None)
    return report


def test_the_first_thousand_lines_are_summed_up_at_once_and_then_each_minute() -> None:
    report = make_report()
    report.add(Batch(lines=FIRST_LINES - 1), windows(5))
    assert report.due(1.0) == ([], None)
    report.add(Batch(lines=1), windows(1))
    _, summary = report.due(2.0)
    assert summary is not None and summary.startswith("orders: 1000 lines, 6 windows, 0 lines without a session key")
    assert "0 lines that do not match the header, 100 % match it (1000 lines" in summary
    report.add(Batch(lines=5000), windows(1))
    assert report.due(2.0 + PERIOD_SECONDS / 2) == ([], None)
    _, summary = report.due(2.0 + PERIOD_SECONDS)
    assert summary is not None and "5000 lines, 1 windows" in summary and "6000 lines since the start" in summary
    assert report.due(500.0) == ([], None), "no line came"


def test_the_counts_of_lines_in_no_window_have_an_example_however_few_there_are() -> None:
    report = make_report()
    report.keyless = "GET /health"
    report.dead(RecordError("not-text", "it is not UTF-8"))
    report.add(Batch(lines=1000, dropped=1))
    warnings, summary = report.due(1.0)
    assert warnings == [] and summary is not None
    assert (
        "1 lines without a session key (e.g. 'GET /health'), 1 dead letters (e.g. 'not-text: it is not UTF-8')"
        in summary
    )
    report.add(Batch(lines=1000))
    _, summary = report.due(1.0 + PERIOD_SECONDS)
    assert summary is not None and "e.g." not in summary


def test_few_lines_are_reported_within_a_minute() -> None:
    report = make_report()
    report.keyless = "GET /health"
    report.add(Batch(lines=13, dropped=9))
    (warning,), summary = report.due(PERIOD_SECONDS)
    assert warning.startswith(
        "orders: 9 of 13 lines have no session key (session:  ([0-9a-f]{16}) ), e.g. 'GET /health'"
    )
    assert "inherit: true" in warning and summary is not None


def test_lines_without_the_header_are_warned_about_when_they_are_more_than_half() -> None:
    report = make_report()
    report.unmatched = "x" * 500
    report.add(Batch(lines=1000, unmatched=500))
    assert report.due(1.0)[0] == []
    report.add(Batch(lines=1000, unmatched=501))
    (warning,), _ = report.due(1.0 + PERIOD_SECONDS)
    assert warning.startswith("orders: 501 of 1000 lines do not match the header, e.g. 'xxx") and len(warning) < 300
    report.add(Batch(lines=1000, unmatched=1000))
    assert len(report.due(1.0 + 2 * PERIOD_SECONDS)[0]) == 1, "again while it lasts"


def test_dead_letters_and_impossible_times_are_warned_about() -> None:
    report = make_report()
    for _ in range(60):
        report.dead(RecordError("not-text", "it is not UTF-8"))
    report.add(Batch(lines=1000, implausible=51))
    dead, implausible = report.due(1.0)[0]
    assert dead == "orders: 60 of 1000 lines are dead letters, e.g. 'not-text: it is not UTF-8'"
    assert implausible.startswith("orders: 51 of 1000 lines have a time that cannot be theirs")


def test_lines_of_the_catch_all_event_are_warned_about_however_few() -> None:
    report = make_report()
    report.unmined = "user anna <NUM>"
    report.add(Batch(lines=100_000, unmined=1))
    (warning,), _ = report.due(1.0)
    assert (
        warning.startswith("orders: 1 of 100000 lines have the catch-all event <*>") and "'user anna <NUM>'" in warning
    )
    assert "`masks`" in warning and "FUSIONLOG_INGEST__NEW_TEMPLATES" in warning
    report.add(Batch(lines=1000))
    assert report.due(1.0 + PERIOD_SECONDS)[0] == []


def test_sessions_that_were_closed_because_too_many_were_open_are_one_warning_a_minute() -> None:
    report = make_report()
    report.add(Batch(lines=1000, overflowed=3), windows(3))
    assert report.due(1.0)[0] == [
        "orders: 3 sessions were closed early, for too many were open in a partition; let `session` match a value that "
        "its lines share, lower window.idle_seconds (600), or raise FUSIONLOG_INGEST__MAX_OPEN_SESSIONS"
    ]
    report.add(Batch(overflowed=5), windows(5))
    assert report.due(2.0)[0] == []
    report.add(Batch(overflowed=5), windows(5))
    (warning,), _ = report.due(1.0 + PERIOD_SECONDS)
    assert warning.startswith("orders: 10 sessions were closed early")


def test_one_line_that_keeps_an_expression_busy_is_warned_about() -> None:
    report = make_report()
    report.add(Batch(lines=1000))
    report.dead(SlowExpression("slow-expression", "session (a+)+b takes more than 1 s of CPU on this line"))
    assert report.due(1.0)[0] == [
        "orders: 1 lines are dead letters, for an expression took too long: session (a+)+b takes more than 1 s of CPU "
        "on this line"
    ]


def test_an_event_of_nearly_all_lines_is_warned_about_once() -> None:
    report = make_report()
    report.add(Batch(lines=1000), windows(91) + windows(9, "disk failed"))
    (warning,), _ = report.due(1.0)
    assert warning.startswith(
        "orders: 91 of 100 lines in windows are one event, 'disk full': name what distinguishes them"
    )
    report.add(Batch(lines=100), windows(100))
    assert report.due(1.0 + PERIOD_SECONDS)[0] == [], "the same event is no news"
    report.add(Batch(lines=100), windows(100, "disk failed"))
    assert len(report.due(1.0 + 2 * PERIOD_SECONDS)[0]) == 1


def test_few_lines_and_a_share_of_nine_tenths_are_no_log_of_one_event() -> None:
    report = make_report()
    report.add(Batch(lines=1000), windows(90) + windows(10, "disk failed"))
    assert report.due(1.0)[0] == []
    report.add(Batch(lines=99), windows(99))
    assert report.due(1.0 + PERIOD_SECONDS)[0] == []
