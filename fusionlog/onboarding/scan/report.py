"""The report of a scan: the document of `fusionlog scan --json`, and what people see beside it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from msgspec import Struct

from fusionlog.incidents import Incident, TellingEvent, group
from fusionlog.novelty.reasons.severity import SEVERITIES
from fusionlog.novelty.reasons.telling import is_telling
from fusionlog.novelty.reasons.title import phrase
from fusionlog.onboarding.propose import Part, Proposal
from fusionlog.onboarding.scan.detect import Scanned
from fusionlog.records import Anomaly, Evidence, Seconds, Severity
from fusionlog.teachers.offline.teacher import OfflineTeacher

MAX_SESSION_IDS = 20
MAX_LINES = 5
MOST_REASONS = 3


class Assumed(Struct, frozen=True):
    """The settings that the lines proposed; null where a line has no such thing.

    `format` is a preset's name, or the pattern of a JSON line; `header` is the pattern of a header, `session` that of a
    session key or the name of its field; `window` is how lines become windows; `multiline` the pattern of first lines.
    """

    format: str | None
    header: str | None
    session: str | None
    window: str
    multiline: str | None
    timezone: str


class IncidentEvent(Struct, frozen=True):
    """A telling event: its template, the anomalous windows that it was found in, and whether it is missing in them."""

    text: str
    count: int
    absent: bool


class IncidentReport(Struct, frozen=True):
    """The anomalies of one cause. Times are ISO 8601, null where the lines have none."""

    title: str
    severity: Severity
    first_seen: str | None
    last_seen: str | None
    windows: int
    session_ids: list[str]
    events: list[IncidentEvent]


class ScanReport(Struct, frozen=True):
    """The document of `fusionlog scan --json`; all but `seconds` depends on the lines alone.

    `lines` are counted after joining, `anomalies` are windows.
    """

    lines: int
    sessions: int
    assumed: Assumed
    anomalies: int
    incidents: list[IncidentReport]
    seconds: float

    def reaches(self, severity: Severity) -> bool:
        """Whether an incident is of this severity or a greater one."""
        return any(SEVERITIES.index(each.severity) >= SEVERITIES.index(severity) for each in self.incidents)


class ShownIncident(NamedTuple):
    """An incident with lines of its worst window, and the reasons of that one's verdict.

    :param others: telling events of other windows, which these reasons do not have.
    """

    report: IncidentReport
    lines: list[str]
    reasons: list[str]
    others: list[IncidentEvent]


class ShownScan(NamedTuple):
    """A scan for people.

    :param dead_letters: records without a usable line. :param without_session: lines without a session key. Neither is
        in a window.
    """

    report: ScanReport
    incidents: list[ShownIncident]
    parts: list[Part]
    dead_letters: int
    without_session: int


def shown(scanned: Scanned, seconds: float) -> ShownScan:
    """A scan that took so many seconds; the most severe incidents come first."""
    found, incidents = scanned.found, shown_incidents(scanned.anomalies, scanned.timed)
    report = ScanReport(
        lines=found.lines,
        sessions=len({window.session for window in found.windows}),
        assumed=assumed(scanned.proposal),
        anomalies=len(scanned.anomalies),
        incidents=[each.report for each in incidents],
        seconds=round(seconds, 1),
    )
    without = found.without_key if found.by_session else 0
    return ShownScan(report, incidents, scanned.proposal.parts, len(found.dead), without)


def shown_incidents(anomalies: Sequence[Anomaly], timed: bool = True) -> list[ShownIncident]:
    """The incidents of anomalies: the most severe first, then those of most windows, then the earliest.

    :param timed: whether the times of the anomalies are those of their lines.
    """
    by_id = {each.id: each for each in anomalies}
    found = sorted(group(anomalies), key=_rank)
    return [_shown(each, by_id[each.anomaly], timed) for each in found]


def assumed(proposal: Proposal) -> Assumed:
    """The settings of a proposal, in the words of the report."""
    system = proposal.system
    window = system.window
    return Assumed(
        format=system.format or _pattern(system.json_line),
        header=system.header or _pattern(system.header_regex),
        session=_pattern(system.session) or system.session_field,
        window=f"{window.size} lines"
        if window.by == "count"
        else f"a session, until {window.idle_seconds:g} s without a line or {window.max_events} lines",
        multiline=_pattern(system.multiline.start),
        timezone=str(system.timezone),
    )


def _pattern(value: object) -> str | None:
    """A pattern as the systems file has it."""
    return None if value is None else str(getattr(value, "pattern", value))


def _rank(incident: Incident) -> tuple[int, int, Seconds, str]:
    severity = SEVERITIES.index(incident.severity)
    return -severity, -incident.anomalies, incident.first_seen, incident.id


def _shown(incident: Incident, worst: Anomaly, timed: bool) -> ShownIncident:
    report = IncidentReport(
        title=incident.title,
        severity=incident.severity,
        first_seen=_iso(incident.first_seen) if timed else None,
        last_seen=_iso(incident.last_seen) if timed else None,
        windows=incident.anomalies,
        session_ids=incident.sessions[:MAX_SESSION_IDS],
        events=[_event(each) for part in incident.parts for each in part.telling],
    )
    lines = [each.example for each in worst.evidence if not each.absent][:MAX_LINES]
    telling = [each for each in worst.evidence if is_telling(each)][:MOST_REASONS]
    named = {each.text for each in telling}
    others = [each for each in report.events if each.text not in named]
    return ShownIncident(report, lines, _reasons(worst, telling), others)


def _reasons(worst: Anomaly, telling: Sequence[Evidence]) -> list[str]:
    """The reasons of an anomaly: what a language model wrote, then what is unusual; else the reason of its verdict."""
    written = [worst.reason] if worst.by == "teacher" and worst.verdict_source != OfflineTeacher.name else []
    return [*written, *map(phrase, telling)] or [worst.reason]


def _event(telling: TellingEvent) -> IncidentEvent:
    return IncidentEvent(telling.evidence.text, telling.anomalies, telling.kind == "missing")


def _iso(seconds: Seconds) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
