"""The record of an incident, from its first anomaly on: each change gives another record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b

from msgspec.structs import replace

from fusionlog.incidents.similarity import merged
from fusionlog.incidents.summary import cause, title
from fusionlog.novelty.reasons.severity import greatest, severity_of
from fusionlog.records import (
    MAX_ANOMALY_IDS,
    MAX_HOSTS,
    MAX_SESSIONS,
    Anomaly,
    Explanation,
    Incident,
    IncidentPart,
    Seconds,
    TellingEvent,
)

MAX_TELLING = 12
"""Telling events of a system that an incident has, at most."""
MAX_NAME_CHARS = 200
"""Characters of a session or a host in its record, at most."""


def opened(anomaly: Anomaly, telling: list[TellingEvent], now: Seconds, previous: str | None = None) -> Incident:
    """The incident that an anomaly opens; `previous` is the id of the one that it comes after."""
    parts = [IncidentPart(system=anomaly.system, telling=telling, anomalies=1)]
    return Incident(
        id=blake2b(f"{anomaly.system}/{anomaly.id}".encode(), digest_size=16).hexdigest(),
        change="opened",
        status="open",
        severity=severity_of(anomaly.evidence),
        title=title(parts),
        cause=cause(parts),
        systems=[anomaly.system],
        parts=parts,
        first_seen=anomaly.started,
        last_seen=anomaly.ended,
        updated_at=now,
        anomalies=1,
        anomaly_ids=[anomaly.id],
        sessions=_with([], [anomaly.session], MAX_SESSIONS),
        hosts=_with([], anomaly.hosts, MAX_HOSTS),
        anomaly=anomaly.id,
        shape=anomaly.shape,
        score=anomaly.score,
        previous=previous,
    )


def updated(
    incident: Incident, anomaly: Anomaly, telling: Sequence[TellingEvent], now: Seconds, quiet: float
) -> Incident:
    """An incident with another anomaly; opened again where it was quiet for longer than `quiet` seconds before it."""
    parts = _with_part(incident.parts, anomaly.system, telling)
    is_open = incident.status == "open" or anomaly.ended > incident.last_seen
    came_back = is_open and (incident.status != "open" or anomaly.started - incident.last_seen > quiet)
    strongest = anomaly.score > incident.score
    return replace(
        incident,
        change="reopened" if came_back else "updated",
        status="open" if is_open else incident.status,
        severity=greatest((incident.severity, severity_of(anomaly.evidence))),
        title=title(parts),
        cause=cause(parts),
        systems=[part.system for part in parts],
        parts=parts,
        first_seen=min(incident.first_seen, anomaly.started),
        last_seen=max(incident.last_seen, anomaly.ended),
        updated_at=now,
        anomalies=incident.anomalies + 1,
        anomaly_ids=_with(incident.anomaly_ids, [anomaly.id], MAX_ANOMALY_IDS),
        sessions=_with(incident.sessions, [anomaly.session], MAX_SESSIONS),
        hosts=_with(incident.hosts, anomaly.hosts, MAX_HOSTS),
        anomaly=anomaly.id if strongest else incident.anomaly,
        shape=anomaly.shape if strongest else incident.shape,
        score=max(anomaly.score, incident.score),
        resolved_at=None if is_open else incident.resolved_at,
        reopened=incident.reopened + came_back,
    )


def without(incident: Incident, anomaly: Anomaly, now: Seconds) -> Incident:
    """An incident without an anomaly that was withdrawn; withdrawn itself where it was the last one.

    What the anomaly added to telling events, sessions and hosts stays: other anomalies may have it too.
    """
    left = max(0, incident.anomalies - 1)
    return replace(
        incident,
        change="updated" if left else "withdrawn",
        status=incident.status if left else "withdrawn",
        severity=incident.severity if left else severity_of((), withdrawn=True),
        updated_at=now,
        anomalies=left,
        anomaly_ids=[each for each in incident.anomaly_ids if each != anomaly.id],
    )


def resolved(incident: Incident, now: Seconds) -> Incident:
    """An incident that was quiet for long enough."""
    return replace(incident, change="resolved", status="resolved", resolved_at=now)


def explained(incident: Incident, explanation: Explanation) -> Incident:
    """An incident with the explanation of one of its anomalies."""
    return replace(incident, change="explained", explanation=explanation)


def _with_part(parts: Sequence[IncidentPart], system: str, telling: Sequence[TellingEvent]) -> list[IncidentPart]:
    known = [
        IncidentPart(system=system, telling=merged(part.telling, telling, MAX_TELLING), anomalies=part.anomalies + 1)
        if part.system == system
        else part
        for part in parts
    ]
    if any(part.system == system for part in parts):
        return known
    return [*known, IncidentPart(system=system, telling=list(telling), anomalies=1)]


def _with(known: Sequence[str], found: Iterable[str], limit: int) -> list[str]:
    return list(dict.fromkeys((*known, *(each[:MAX_NAME_CHARS] for each in found))))[:limit]
