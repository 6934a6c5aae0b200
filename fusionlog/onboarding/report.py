"""The report of a check: the document of `fusionlog systems check --json`, and its tables."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Literal

from msgspec import Struct
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from fusionlog.onboarding.check import Found
from fusionlog.onboarding.suspicions import Suspicion, suspicions
from fusionlog.records import Window

DEAD_LETTERS = 100
WINDOWS = 50
SHOWN_TEMPLATES = 30
SHOWN_WINDOWS = 5
SHOWN_EVENTS = 12


class DeadRecord(Struct, frozen=True):
    """The reason and detail of a dead letter."""

    reason: str
    detail: str


class Times(Struct, frozen=True, rename={"source": "from"}):
    """Where most lines' times come from, and how many time fields cannot be the time of their line."""

    source: Literal["envelope", "line", "kafka"]
    implausible: int


class TemplateLines(Struct, frozen=True):
    """A template, and its number of lines."""

    id: str
    text: str
    lines: int


class EventReport(Struct, frozen=True):
    """An event of a window: its number of lines there, and the first of them."""

    template: str
    text: str
    count: int
    example: str


class WindowReport(Struct, frozen=True):
    """A window; times are ISO 8601."""

    session: str
    started: str
    ended: str
    events: list[EventReport]


class CheckReport(Struct, frozen=True):
    """The document of `fusionlog systems check --json`.

    `lines` are counted after joining, `joined` are the pieces that became part of a line. `header_matched` is the share
    of lines that match the header, None where the system has none; `without_key` is None where it has no session key.
    """

    records: int
    lines: int
    joined: int
    dead_letters: list[DeadRecord]
    header_matched: float | None
    without_key: int | None
    times: Times
    templates: list[TemplateLines]
    windows: list[WindowReport]
    warnings: list[Suspicion]

    @property
    def clean(self) -> bool:
        """Whether there is no warning and no dead letter."""
        return not self.warnings and not self.dead_letters


def report(found: Found) -> CheckReport:
    """The report of a check."""
    return CheckReport(
        records=found.records,
        lines=found.lines,
        joined=found.batch.joined,
        dead_letters=[DeadRecord(each.error.reason, each.error.detail) for each in found.dead[:DEAD_LETTERS]],
        header_matched=1 - found.unmatched.lines / found.lines if found.has_header and found.lines else None,
        without_key=found.without_key if found.has_key else None,
        times=Times(_times_from(found), found.batch.implausible),
        templates=[TemplateLines(*each) for each in found.lines_by_template()],
        windows=[_window(each) for each in found.windows[:WINDOWS]],
        warnings=suspicions(found),
    )


def _times_from(found: Found) -> Literal["envelope", "line", "kafka"]:
    """Where most lines have their times from."""
    envelope, line = found.timed["envelope"], found.timed["line"]
    if max(envelope, line) * 2 <= found.lines:
        return "kafka"
    return "envelope" if envelope > line else "line"


def tables(found: CheckReport) -> Iterator[RenderableType]:
    """The report for people: counts, templates, the first windows, warnings with their remedies."""
    yield _counts(found)
    yield _template_table(found.templates)
    if found.windows:
        yield _window_table(found.windows)
    for each in found.warnings:
        yield Text.assemble((f"{each.kind}: ", "yellow"), each.text, f"\n  remedy: {each.remedy}")


def _counts(found: CheckReport) -> Table:
    joined = f" ({found.joined} pieces joined to them)" if found.joined else ""
    rows = {
        "records": f"{found.records}",
        "lines": f"{found.lines}{joined}",
        "dead letters": f"{len(found.dead_letters)}",
        "header matched": "no header" if found.header_matched is None else f"{found.header_matched:.1%}",
        "without a key": "no session key" if found.without_key is None else f"{found.without_key}",
        "times": f"from {found.times.source}, {found.times.implausible} implausible",
    }
    table = Table(show_header=False, box=None)
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def _template_table(templates: list[TemplateLines]) -> Table:
    table = Table("lines", "template", title=f"{len(templates)} templates", title_justify="left", box=None)
    for each in templates[:SHOWN_TEMPLATES]:
        table.add_row(str(each.lines), Text(each.text, overflow="fold"))
    return table


def _window_table(windows: list[WindowReport]) -> Table:
    table = Table("session", "lines", "started", "events", title="first windows", title_justify="left", box=None)
    for each in windows[:SHOWN_WINDOWS]:
        events = "\n".join(f"{event.count} x {event.text}" for event in each.events[:SHOWN_EVENTS])
        lines = sum(event.count for event in each.events)
        table.add_row(Text(each.session), str(lines), each.started, Text(events, overflow="fold"))
    return table


def _window(window: Window) -> WindowReport:
    events = [EventReport(each.template, each.text, each.count, each.example) for each in window.events]
    return WindowReport(window.session, _iso(window.started), _iso(window.ended), events)


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
