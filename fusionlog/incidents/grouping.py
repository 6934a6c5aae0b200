"""The incidents of given anomalies: those that a stream of them would open, in the order of time."""

from __future__ import annotations

from collections.abc import Iterable

from fusionlog.incidents.state import Incidents
from fusionlog.records import Anomaly, Incident
from fusionlog.settings import IncidentSettings


def group(anomalies: Iterable[Anomaly], settings: IncidentSettings | None = None) -> list[Incident]:
    """The incidents of anomalies of any systems, in the order in which they began; an anomaly is in one incident.

    All are open but those that were quiet for long enough before the last anomaly. The order of the anomalies does not
    matter; of several with one id the last one counts, and a withdrawn one is left out.
    """
    last = {each.id: each for each in anomalies}
    ordered = sorted((each for each in last.values() if not each.withdrawn), key=lambda each: (each.started, each.id))
    found = Incidents(settings=settings)
    for each in ordered:
        found.update(each, each.ended)
    found.resolve(max((each.ended for each in ordered), default=0.0))
    return sorted(found, key=lambda each: (each.first_seen, each.id))
