"""Incidents: the anomalies of one cause as one record for people."""

from fusionlog.incidents.grouping import group
from fusionlog.incidents.incident import Incident, IncidentPart, TellingEvent
from fusionlog.incidents.state import Incidents, IncidentSettings

__all__ = ["Incident", "IncidentPart", "IncidentSettings", "Incidents", "TellingEvent", "group"]
