"""Incidents as a state machine over records: an anomaly opens, updates, or reopens one; time resolves it.

No Kafka, no clock. The state is the last record of each incident, so it is rebuilt from a compacted topic; an anomaly
that comes again changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from fusionlog.incidents.incident import explained, opened, resolved, updated, without
from fusionlog.incidents.similarity import LEAST_SIMILARITY, similarity
from fusionlog.incidents.telling import telling_events
from fusionlog.records import MAX_ANOMALY_IDS, Anomaly, Explanation, Incident, Seconds, TellingEvent
from fusionlog.settings import IncidentSettings

HOUR = 3600.0
MAX_SYSTEMS = 10
"""Systems of an incident, at most: its record must fit into its topic."""
MAX_CHANCE = 0.1
"""The expected number of unrelated incidents that begin together with an anomaly, from which on none is joined."""


class Incidents:
    """The incidents of all systems. For one thread at a time."""

    def __init__(self, known: Iterable[Incident] = (), settings: IncidentSettings | None = None) -> None:
        self.settings = settings or IncidentSettings()
        self._by_id: dict[str, Incident] = {}
        self._of: dict[str, str] = {}
        self._in: dict[str, set[str]] = defaultdict(set)
        for each in known:
            self.put(each)

    def __iter__(self) -> Iterator[Incident]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def get(self, id: str) -> Incident | None:
        """The incident of an id; None where there is none."""
        return self._by_id.get(id)

    def counted_in(self, anomaly: str) -> Incident | None:
        """The incident that an anomaly, by its id, was counted in; None where it was in none."""
        return self._by_id.get(self._of.get(anomaly, ""))

    def update(self, anomaly: Anomaly, now: Seconds | None = None) -> Incident | None:
        """Count an anomaly: the incident that it opens or changes; None where it changes none.

        :param now: Unix time in seconds; default: when the anomaly was detected.
        """
        now = anomaly.detected_at if now is None else now
        known = self.counted_in(anomaly.id)
        if anomaly.withdrawn:
            return None if known is None else self._withdraw(known, anomaly, now)
        if known is not None:
            return None
        telling = telling_events(anomaly)
        similar = self._similar(anomaly, telling)
        is_near = similar is not None and self._is_near(similar, anomaly)
        found = similar if is_near else self._together(anomaly)
        if found is None:
            return self.put(opened(anomaly, telling, now, similar.id if similar else None))
        if len(found.anomaly_ids) >= MAX_ANOMALY_IDS and anomaly.ended <= found.last_seen:
            return None
        return self.put(updated(found, anomaly, telling, now, self.settings.quiet_seconds))

    def of(self, anomaly: Anomaly) -> Incident | None:
        """The incident that an anomaly is in, or that it would be counted in; None where it would open one."""
        known = self.counted_in(anomaly.id)
        if known is not None:
            return known
        similar = self._similar(anomaly, telling_events(anomaly))
        return similar if similar is not None and self._is_near(similar, anomaly) else None

    def explain(self, explanation: Explanation) -> Incident | None:
        """Give the incident of an explained anomaly its explanation; None where it has it, or there is no incident.

        An explanation for another anomaly replaces the one before.
        """
        id = explanation.incident or self._of.get(explanation.anomaly, "")
        found = self._by_id.get(id)
        return None if found is None or found.explanation == explanation else self.put(explained(found, explanation))

    def resolve(self, now: Seconds) -> list[Incident]:
        """The open incidents that nothing was counted in for long enough, resolved.

        :param now: Unix time in seconds, as given to `update`.
        """
        quiet = [each for each in self if each.status == "open" and now - each.updated_at > self.settings.quiet_seconds]
        return [self.put(resolved(each, now)) for each in quiet]

    def forget(self, now: Seconds) -> list[str]:
        """The ids of the incidents that are over for so long that they were left out now."""
        over = [
            each.id for each in self if each.status != "open" and each.updated_at < now - self.settings.keep_seconds
        ]
        for id in over:
            self.remove(id)
        return over

    def put(self, incident: Incident) -> Incident:
        """Take a record of an incident in place of the one before, and return it."""
        self._by_id[incident.id] = incident
        self._of.update(dict.fromkeys(incident.anomaly_ids, incident.id))
        for system in incident.systems:
            self._in[system].add(incident.id)
        return incident

    def remove(self, id: str) -> None:
        """Leave an incident out, where it is known."""
        incident = self._by_id.pop(id, None)
        if incident is None:
            return
        for system in incident.systems:
            self._in[system].discard(id)
        for each in incident.anomaly_ids:
            self._of.pop(each, None)

    def _is_near(self, incident: Incident, anomaly: Anomaly) -> bool:
        return distance(incident, anomaly) <= self.settings.reopen_seconds

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
        seconds = self.settings.together_seconds
        ages = [
            (anomaly.started - each.first_seen, each.id, each.status)
            for each in self
            if each.status != "withdrawn" and anomaly.system not in each.systems
        ]
        together = [
            (-age, id)
            for age, id, status in ages
            if status == "open" and abs(age) <= seconds and len(self._by_id[id].systems) < MAX_SYSTEMS
        ]
        others = sum(seconds < age <= HOUR for age, _, _ in ages)
        by_chance = others * seconds / HOUR > MAX_CHANCE
        return self._by_id[min(together)[1]] if seconds and together and not by_chance else None

    def _withdraw(self, incident: Incident, anomaly: Anomaly, now: Seconds) -> Incident:
        del self._of[anomaly.id]
        return self.put(without(incident, anomaly, now))


def distance(incident: Incident, anomaly: Anomaly) -> float:
    """The seconds between an incident and an anomaly; 0 where they overlap."""
    return max(0.0, anomaly.started - incident.last_seen, incident.first_seen - anomaly.ended)


def _recency(seconds: float, times: IncidentSettings) -> tuple[int, float]:
    """An order of incidents by the time between them and an anomaly: within `quiet_seconds`, within `reopen_seconds`,
    then by time."""
    return (0, 0) if seconds <= times.quiet_seconds else (1, 0) if seconds <= times.reopen_seconds else (2, seconds)
