"""Incidents as a state machine over records: an anomaly opens, updates, or reopens one; time resolves it.

No Kafka, no clock. The state is the last record of each incident, so it is rebuilt from a compacted topic; an anomaly
that comes again changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from msgspec.structs import replace

from fusionlog.incidents.incident import (
    MAX_ANOMALY_IDS,
    MAX_HOSTS,
    MAX_SESSIONS,
    Incident,
    IncidentPart,
    TellingEvent,
)
from fusionlog.incidents.similarity import LEAST_SIMILARITY, merged, similarity
from fusionlog.incidents.summary import cause, severity, title
from fusionlog.incidents.telling import telling_events
from fusionlog.records import Anomaly

HOUR = 3600.0
MAX_CHANCE = 0.1
"""The expected number of unrelated incidents that begin together with an anomaly, from which on none is joined."""
MAX_TELLING = 12
"""Telling events of a system that an incident has, at most."""

Hosts = Callable[[Anomaly], Iterable[str]]
"""The hosts that an anomaly's lines name."""


@dataclass(frozen=True)
class IncidentSettings:
    """The times of incidents, in seconds, the same for all systems."""

    quiet: float = 300.0
    """An incident without an anomaly for so long is resolved."""
    reopen: float = 900.0
    """An incident whose events come again so long after its last anomaly, at most, is opened again; later it is another
    incident, with this one as its `previous`."""
    together: float = 60.0
    """Incidents of several systems that begin within so long are one."""
    keep: float = 7 * 86400.0
    """A resolved incident is forgotten after so long."""


class Incidents:
    """The incidents of all systems. For one thread at a time."""

    def __init__(
        self, known: Iterable[Incident] = (), settings: IncidentSettings | None = None, hosts: Hosts | None = None
    ) -> None:
        self.settings = settings or IncidentSettings()
        self._hosts = hosts or (lambda _: ())
        self._by_id: dict[str, Incident] = {}
        self._of: dict[str, str] = {}
        self._in: dict[str, set[str]] = defaultdict(set)
        for each in known:
            self._put(each)

    def __iter__(self) -> Iterator[Incident]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def update(self, anomaly: Anomaly) -> Incident | None:
        """Count an anomaly: the incident that it opens or changes; None where it changes none."""
        known = self._by_id.get(self._of.get(anomaly.id, ""))
        if anomaly.withdrawn:
            return None if known is None else self._withdraw(known, anomaly)
        if known is not None:
            return None
        telling, hosts = telling_events(anomaly), list(self._hosts(anomaly))
        similar = self._similar(anomaly, telling)
        is_near = similar is not None and distance(similar, anomaly) <= self.settings.reopen
        found = similar if is_near else self._together(anomaly)
        if found is None:
            return self._put(opened(anomaly, telling, hosts, similar.id if similar else None))
        if len(found.anomaly_ids) >= MAX_ANOMALY_IDS and anomaly.ended <= found.last_seen:
            return None
        return self._put(updated(found, anomaly, telling, hosts, self.settings.quiet))

    def resolve(self, now: float) -> list[Incident]:
        """The open incidents that are quiet for long enough, resolved; those resolved long ago are forgotten.

        :param now: Unix time in seconds, of the anomalies' clock.
        """
        for each in [each for each in self if each.status != "open" and each.last_seen < now - self.settings.keep]:
            self._forget(each)
        quiet = [each for each in self if each.status == "open" and now - each.last_seen > self.settings.quiet]
        return [self._put(resolved(each, self.settings.quiet)) for each in quiet]

    def _similar(self, anomaly: Anomaly, telling: Sequence[TellingEvent]) -> Incident | None:
        """The most similar incident of the system among those that were not quiet before the anomaly; without one,
        among those that may be opened again; else the last one."""
        near = [
            (*_recency(distance(each, anomaly), self.settings), -similar, distance(each, anomaly), each.id)
            for each in map(self._by_id.__getitem__, self._in.get(anomaly.system, ()))
            if each.status != "withdrawn"
            for part in each.parts
            if part.system == anomaly.system and (similar := similarity(telling, part)) >= LEAST_SIMILARITY
        ]
        return self._by_id[min(near)[-1]] if near else None

    def _together(self, anomaly: Anomaly) -> Incident | None:
        """The earliest open incident of other systems that began together with the anomaly; None where so many began
        within an hour before that some would do so by chance."""
        ages = [
            (anomaly.started - each.first_seen, each.id, each.status)
            for each in self
            if each.status != "withdrawn" and anomaly.system not in each.systems
        ]
        together = [(-age, id) for age, id, status in ages if status == "open" and abs(age) <= self.settings.together]
        others = sum(self.settings.together < age <= HOUR for age, _, _ in ages)
        by_chance = others * self.settings.together / HOUR > MAX_CHANCE
        return self._by_id[min(together)[1]] if together and not by_chance else None

    def _put(self, incident: Incident) -> Incident:
        self._by_id[incident.id] = incident
        self._of.update(dict.fromkeys(incident.anomaly_ids, incident.id))
        for system in incident.systems:
            self._in[system].add(incident.id)
        return incident

    def _withdraw(self, incident: Incident, anomaly: Anomaly) -> Incident:
        del self._of[anomaly.id]
        return self._put(without(incident, anomaly))

    def _forget(self, incident: Incident) -> None:
        del self._by_id[incident.id]
        for system in incident.systems:
            self._in[system].discard(incident.id)
        for each in incident.anomaly_ids:
            self._of.pop(each, None)


def distance(incident: Incident, anomaly: Anomaly) -> float:
    """The seconds between an incident and an anomaly; 0 where they overlap."""
    return max(0.0, anomaly.started - incident.last_seen, incident.first_seen - anomaly.ended)


def _recency(seconds: float, times: IncidentSettings) -> tuple[int, float]:
    """An order of incidents by the time between them and an anomaly: within `quiet`, within `reopen`, then by time."""
    return (0, 0) if seconds <= times.quiet else (1, 0) if seconds <= times.reopen else (2, seconds)


def opened(
    anomaly: Anomaly, telling: list[TellingEvent], hosts: Sequence[str] = (), previous: str | None = None
) -> Incident:
    """The incident that an anomaly opens; `previous` is the id of the one that it comes after."""
    parts = [IncidentPart(system=anomaly.system, telling=telling, anomalies=1)]
    return Incident(
        id=blake2b(f"{anomaly.system}/{anomaly.id}".encode(), digest_size=16).hexdigest(),
        systems=[anomaly.system],
        status="open",
        severity=severity(parts, 1),
        title=title(parts),
        cause=cause(parts),
        parts=parts,
        first_seen=anomaly.started,
        last_seen=anomaly.ended,
        anomalies=1,
        anomaly_ids=[anomaly.id],
        sessions=[anomaly.session],
        hosts=_with([], hosts, MAX_HOSTS),
        anomaly=anomaly.id,
        score=anomaly.score,
        shape=anomaly.shape,
        previous=previous,
    )


def updated(
    incident: Incident, anomaly: Anomaly, telling: Sequence[TellingEvent], hosts: Sequence[str], quiet: float
) -> Incident:
    """An incident with another anomaly; opened again where it was quiet for longer than `quiet` seconds before it."""
    parts = _with_part(incident.parts, anomaly.system, telling)
    sessions = _with(incident.sessions, [anomaly.session], MAX_SESSIONS)
    came_back = anomaly.started - incident.last_seen > quiet
    is_open = incident.status == "open" or anomaly.ended > incident.last_seen
    strongest = anomaly.score > incident.score
    return replace(
        incident,
        systems=[part.system for part in parts],
        status="open" if is_open else incident.status,
        severity=severity(parts, len(sessions)),
        title=title(parts),
        cause=cause(parts),
        parts=parts,
        first_seen=min(incident.first_seen, anomaly.started),
        last_seen=max(incident.last_seen, anomaly.ended),
        anomalies=incident.anomalies + 1,
        anomaly_ids=_with(incident.anomaly_ids, [anomaly.id], MAX_ANOMALY_IDS),
        sessions=sessions,
        hosts=_with(incident.hosts, hosts, MAX_HOSTS),
        anomaly=anomaly.id if strongest else incident.anomaly,
        score=max(anomaly.score, incident.score),
        shape=anomaly.shape if strongest else incident.shape,
        resolved_at=None if is_open else incident.resolved_at,
        reopened=incident.reopened + came_back,
    )


def without(incident: Incident, anomaly: Anomaly) -> Incident:
    """An incident without an anomaly that was withdrawn; withdrawn itself where it was the last one.

    What the anomaly added to telling events, sessions and hosts stays: other anomalies may have it too.
    """
    left = max(0, incident.anomalies - 1)
    return replace(
        incident,
        anomalies=left,
        anomaly_ids=[each for each in incident.anomaly_ids if each != anomaly.id],
        status=incident.status if left else "withdrawn",
    )


def resolved(incident: Incident, quiet: float) -> Incident:
    """An incident that was quiet for `quiet` seconds."""
    return replace(incident, status="resolved", resolved_at=incident.last_seen + quiet)


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
    return list(dict.fromkeys((*known, *found)))[:limit]
