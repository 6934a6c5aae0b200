"""The page and the screen show what is in lines as text."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from fusionlog.onboarding.propose import Part
from fusionlog.onboarding.scan.page import page
from fusionlog.onboarding.scan.report import (
    Assumed,
    IncidentEvent,
    IncidentReport,
    ScanReport,
    ShownIncident,
    ShownScan,
)
from fusionlog.onboarding.scan.screen import screen

LINE = "ERROR <script>alert(1)</script> [red]could not save[/red] \x1b[2J order"


def shown_scan() -> ShownScan:
    incident = IncidentReport(LINE, "error", None, None, 1, ["<b>1</b>"], [IncidentEvent(LINE, 1, True)])
    assumed = Assumed(None, None, None, "20 lines", None, "UTC")
    report = ScanReport(lines=40, sessions=2, assumed=assumed, anomalies=1, incidents=[incident], seconds=1.0)
    return ShownScan(
        report, [ShownIncident(incident, [LINE], [LINE], incident.events)], [Part("header", "low", LINE)], 3, 4
    )


def test_a_page_has_no_markup_of_the_lines() -> None:
    content = page("<i>.log", shown_scan())
    assert content.count("&lt;script&gt;") == 5
    assert not any(each in content for each in ("<script", "<b>", "<i>", "\x1b"))


def test_a_screen_shows_markup_of_rich_as_text_and_no_control_characters() -> None:
    console = Console(file=StringIO(), width=200)
    for each in screen(shown_scan(), 10):
        console.print(each)
    assert isinstance(console.file, StringIO)
    content = console.file.getvalue()
    assert content.count("[red]could not save[/red]") == 5
    assert "\x1b" not in content
    for each in (
        "3 records have no usable line",
        "4 lines (10%) have no session key",
        "2 sessions are few",
        "missing in 1",
    ):
        assert each in content


def test_a_screen_ends_with_what_it_left_out() -> None:
    found = shown_scan()
    many = found._replace(incidents=found.incidents * 3)
    console = Console(file=StringIO(), width=200)
    for each in screen(many, 1):
        console.print(each)
    assert isinstance(console.file, StringIO)
    assert "2 more incidents" in console.file.getvalue()
