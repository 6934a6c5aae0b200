"""Incidents: the anomalies of one cause as one record for people."""

from fusionlog.incidents.grouping import group
from fusionlog.incidents.state import Incidents
from fusionlog.records import Incident, IncidentPart, TellingEvent

__all__ = ["Incident", "IncidentPart", "Incidents", "TellingEvent", "group"]
