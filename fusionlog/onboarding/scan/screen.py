"""The screen of a scan: what was assumed, then the incidents with their lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from fusionlog.errors import sentence
from fusionlog.onboarding.propose import Part
from fusionlog.onboarding.scan.report import IncidentReport, ScanReport, ShownIncident, ShownScan
from fusionlog.records import Severity
from fusionlog.teachers.base import clip

STYLES: dict[Severity, str] = {"info": "blue", "warning": "yellow", "error": "red", "critical": "bold red"}
CONFIDENCES = {"high": "green", "medium": "yellow", "low": "red"}
SHOWN_EVENTS = 3
SHOWN_SESSIONS = 3
MAX_LINE_CHARS = 300
FEW_SESSIONS = 50
"""Fewer sessions prove little about what is usual."""


def screen(found: ShownScan, most: int) -> Iterator[RenderableType]:
    """The scan for people.

    :param most: incidents that are shown.
    """
    yield Text("assumed from the lines:", style="bold")
    yield assumptions(found.parts)
    yield from _left_out(found)
    for incident in islice(found.incidents, most):
        yield Text("")
        yield from incident_lines(incident)
    yield Text("")
    yield _summary(found.report)
    if len(found.incidents) > most:
        yield Text(f"{len(found.incidents) - most} more incidents: --most {len(found.incidents)}, --html or --json")


def assumptions(parts: Sequence[Part]) -> Table:
    """The parts of a proposal, with how sure each is and why."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for part in parts:
        table.add_row(part.name, Text(part.confidence, style=CONFIDENCES[part.confidence]), Text(sentence(part.reason)))
    return table


def incident_lines(found: ShownIncident) -> Iterator[RenderableType]:
    """An incident: severity and title, when and where, why, other telling events, and lines of its worst window."""
    incident = found.report
    style = STYLES[incident.severity]
    yield Text.assemble((incident.severity.upper(), style), "  ", (sentence(incident.title), "bold"))
    yield _indented(f"{_when(incident)}{_windows(incident.windows)}: {_sessions(incident)}", 2)
    for reason in found.reasons:
        yield _indented(sentence(reason), 2)
    for event in found.others[:SHOWN_EVENTS]:
        where = f"{'missing in' if event.absent else 'in'} {event.count} of the {incident.windows}"
        yield _indented(f"{where}: {sentence(event.text)}", 2)
    for line in found.lines:
        yield _indented(clip(sentence(line), MAX_LINE_CHARS), 4, "dim")


def _indented(text: str, columns: int, style: str = "") -> Padding:
    return Padding(Text(text, style=style), (0, 0, 0, columns))


def _windows(number: int) -> str:
    return "1 window" if number == 1 else f"{number} windows"


def _when(incident: IncidentReport) -> str:
    if incident.first_seen is None or incident.last_seen is None:
        return ""
    if incident.first_seen == incident.last_seen:
        return f"{incident.first_seen}, "
    return f"{incident.first_seen} to {incident.last_seen}, "


def _sessions(incident: IncidentReport) -> str:
    named = ", ".join(map(sentence, incident.session_ids[:SHOWN_SESSIONS]))
    return f"{named}, ..." if len(incident.session_ids) > SHOWN_SESSIONS else named


def _left_out(found: ShownScan) -> Iterator[Text]:
    """What is in no window, and where too little is there to compare with."""
    report = found.report
    if found.dead_letters:
        yield Text(f"{found.dead_letters} records have no usable line", style="yellow")
    if found.without_session:
        share = found.without_session / max(report.lines, 1)
        yield Text(f"{found.without_session} lines ({share:.0%}) have no session key: in no window", style="yellow")
    if report.sessions < FEW_SESSIONS:
        yield Text(
            f"{report.sessions} sessions are few: what is usual shows from {FEW_SESSIONS} on, so scan a longer log",
            style="yellow",
        )


def _summary(report: ScanReport) -> Text:
    return Text(
        f"{report.lines} lines, {report.sessions} sessions, {report.anomalies} anomalies in "
        f"{len(report.incidents)} incidents; {report.seconds:.1f} s",
        style="bold",
    )
