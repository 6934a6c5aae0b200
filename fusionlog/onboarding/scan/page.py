"""The report of a scan as one HTML file, without scripts and without anything that is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from fusionlog.errors import sentence
from fusionlog.onboarding.scan.report import IncidentEvent, ShownIncident, ShownScan

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a }
table { border-collapse: collapse } td, th { text-align: left; padding: .1rem 1rem .1rem 0; vertical-align: top }
pre { background: #f4f4f4; padding: .6rem; overflow-x: auto }
section { border-left: 4px solid #888; padding-left: 1rem; margin: 2rem 0 } h2 { font-size: 1.1rem; margin: 0 }
.info { border-color: #3b6ea5 } .warning { border-color: #c98b00 } .error, .critical { border-color: #b3261e }
"""


def page(name: str, found: ShownScan) -> str:
    """The page on a scanned file of this name."""
    return "\n".join(_lines(name, found)) + "\n"


def _lines(name: str, found: ShownScan) -> Iterator[str]:
    report = found.report
    title = f"{_text(name)}: {len(report.incidents)} incidents"
    yield f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>'
    yield f"<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>"
    yield f"<p>{report.lines} lines, {report.sessions} sessions, {report.anomalies} anomalies</p>"
    yield "<details><summary>assumed from the lines</summary>\n<table>"
    for part in found.parts:
        yield f"<tr><th>{_text(part.name)}</th><td>{part.confidence}</td><td>{_text(part.reason)}</td></tr>"
    yield "</table></details>"
    for incident in found.incidents:
        yield from _incident(incident)
    yield "</body>\n</html>"


def _incident(found: ShownIncident) -> Iterator[str]:
    incident = found.report
    times = [each for each in (incident.first_seen, incident.last_seen) if each is not None]
    yield f'<section class="{incident.severity}">\n<h2>{incident.severity}: {_text(incident.title)}</h2>'
    sessions = _text(", ".join(incident.session_ids))
    yield f"<p>{' to '.join(dict.fromkeys(times))} {incident.windows} windows: {sessions}</p>"
    yield "<ul>"
    yield from (f"<li>{_text(reason)}</li>" for reason in found.reasons)
    yield from (f"<li>{_event(event)}</li>" for event in found.others)
    yield "</ul>\n<pre>" + "\n".join(_text(line) for line in found.lines) + "</pre>\n</section>"


def _event(event: IncidentEvent) -> str:
    return f"{'missing in' if event.absent else 'in'} {event.count} windows: <code>{_text(event.text)}</code>"


def _text(text: str) -> str:
    """A text from a log as text of a page."""
    return escape(sentence(text))
