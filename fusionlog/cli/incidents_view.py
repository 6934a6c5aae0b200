"""What `fusionlog incidents` prints of incidents and their anomalies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from fusionlog.cli.printing import at
from fusionlog.incidents.summary import phrase
from fusionlog.novelty.reasons.severity import greatest
from fusionlog.records import Anomaly, Explanation, Incident, IncidentPart, Severity, TellingEvent

SHOWN_NAMES = 10
SHOWN_ANOMALIES = 20
SHOWN_LINES = 3


class OpenIncidents(NamedTuple):
    """The number of open incidents of a system, and the greatest severity among them."""

    number: int
    severity: Severity


def open_by_system(incidents: Iterable[Incident]) -> dict[str, OpenIncidents]:
    """The open incidents by system; one of several systems counts in each."""
    found: dict[str, list[Severity]] = {}
    for each in incidents:
        for system in each.systems if each.status == "open" else ():
            found.setdefault(system, []).append(each.severity)
    return {system: OpenIncidents(len(each), greatest(each)) for system, each in found.items()}


def line(incident: Incident) -> str:
    """An incident as a line."""
    number = f"{incident.anomalies} {'anomaly' if incident.anomalies == 1 else 'anomalies'}"
    return (
        f"{at(incident.last_seen)}  {incident.status:9} {incident.severity:8}  {number:>14}  "
        f"{','.join(incident.systems)}: {incident.title}  {incident.id}"
    )


def whole(incident: Incident, anomalies: Sequence[Anomaly]) -> Iterator[str]:
    """The lines of an incident: what it is, its telling events with a line of each, why, and its anomalies.

    :param anomalies: those of it that were found on their topic.
    """
    yield f"{incident.severity.upper()}  {incident.status}  {incident.title}"
    yield f"  id        {incident.id}"
    yield f"  systems   {', '.join(incident.systems)}"
    yield f"  cause     {incident.cause}"
    yield f"  seen      {at(incident.first_seen)} to {at(incident.last_seen)}{_life(incident)}"
    yield f"  sessions  {_names(incident.sessions)}"
    if incident.hosts:
        yield f"  hosts     {_names(incident.hosts)}"
    if incident.previous:
        yield f"  before    {incident.previous}"
    for part in incident.parts:
        yield from _part(part)
    yield from _explanation(incident.explanation)
    yield from _anomalies(incident, anomalies)


def _life(incident: Incident) -> str:
    reopened = f"; came back {incident.reopened} times" if incident.reopened else ""
    resolved = f"; resolved {at(incident.resolved_at)}" if incident.resolved_at is not None else ""
    return reopened + resolved


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    return ", ".join(names[:SHOWN_NAMES]) + more


def _part(part: IncidentPart) -> Iterator[str]:
    for number, telling in enumerate(part.telling):
        yield f"  {'' if number else 'telling':8}  {part.system}: {_telling(telling, part)}"
        if telling.evidence.example:
            yield f"            {telling.evidence.example}"


def _telling(telling: TellingEvent, part: IncidentPart) -> str:
    return f"{phrase(telling)}, in {telling.anomalies} of {part.anomalies}"


def _explanation(explanation: Explanation | None) -> Iterator[str]:
    if explanation is None:
        yield "  why       no explanation yet: fusionlog worker explain"
        return
    yield f"  why       {explanation.cause}"
    for number, each in enumerate(explanation.evidence):
        yield f"  {'' if number else 'evidence':8}  {each.count} x {each.line}"
    yield f"  next      {explanation.next_step or 'none was named'}"
    yield f"  by        {explanation.explained_by}, on anomaly {explanation.anomaly}"


def _anomalies(incident: Incident, anomalies: Sequence[Anomaly]) -> Iterator[str]:
    """The newest anomalies with the lines of their most telling events."""
    shown = anomalies[-SHOWN_ANOMALIES:]
    yield (
        f"  anomalies {incident.anomalies}, the newest {len(shown)}:"
        if shown
        else (f"  anomalies {incident.anomalies}, none of them among the newest of its topic")
    )
    for each in shown:
        yield f"    {at(each.started)}  {each.score:.2f}  {each.system}/{each.session}  {each.title}  {each.id}"
        lines = [found for found in each.evidence if found.example]
        yield from (f"      {found.count} x {found.example}" for found in lines[:SHOWN_LINES])
