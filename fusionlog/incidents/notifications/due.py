"""What a target is due on an incident, by what it was notified of last. Pure."""

from __future__ import annotations

from typing import Literal, NamedTuple

from fusionlog.novelty.reasons.severity import SEVERITIES
from fusionlog.records import Incident, Notification, NotifiedChange, Seconds
from fusionlog.settings import Target, TargetSettings

MOST = 2**31 - 1
"""The greatest number of a message."""
Suppression = Literal["severity", "system", "over"]
"""Why a target is not notified of an incident: it does not want it, or it was over before its turn."""


class Due(NamedTuple):
    """A message on an incident that a target is due. `change` is None where the last one is to be repeated."""

    incident: Incident
    change: NotifiedChange | None
    before: Notification | None

    @property
    def id(self) -> str:
        """Id of the incident."""
        return self.incident.id

    @property
    def number(self) -> int:
        """Number of the message among those on the incident, from 1."""
        sent = self.before.number if self.before is not None else 0
        return min(sent + (self.change is not None), MOST)

    @property
    def is_over(self) -> bool:
        """Whether the message ends the incident."""
        return self.incident.status != "open"


def suppressed(incident: Incident, settings: TargetSettings) -> Suppression | None:
    """Why a target is not notified of an incident at all; None: it is."""
    if settings.systems and not set(settings.systems) & set(incident.systems):
        return "system"
    if SEVERITIES.index(incident.severity) < SEVERITIES.index(settings.severity):
        return "severity"
    return None


def change_of(incident: Incident, sent: Notification | None, settings: TargetSettings) -> NotifiedChange | None:
    """The change that a target is due; None where it has what it is to have.

    An incident is opened once, updated by what `updates` names, ended once, and opened again when it comes back. What
    came and went between two messages is not sent.
    """
    if incident.status != "open":
        ends = sent is not None and sent.status == "open" and settings.send_resolved
        return ("withdrawn" if incident.status == "withdrawn" else "resolved") if ends else None
    if sent is None:
        return None if suppressed(incident, settings) else "opened"
    if sent.status != "open" or (incident.reopened > sent.reopened and not settings.send_resolved):
        return None if suppressed(incident, settings) else "reopened"
    return "updated" if _is_worth_another(incident, sent, settings) else None


def _is_worth_another(incident: Incident, sent: Notification, settings: TargetSettings) -> bool:
    news = {
        "severity": SEVERITIES.index(incident.severity) > SEVERITIES.index(sent.severity),
        "systems": bool(set(incident.systems) - set(sent.systems)),
        "explanation": incident.explanation is not None and not sent.explained,
    }
    return any(news[each] for each in settings.updates)


def notified(due: Due, target: Target, at: Seconds) -> Notification:
    """The record of a message that a target accepted."""
    incident, before = due.incident, due.before
    known = before is not None and before.explained
    return Notification(
        target=target.name,
        incident=incident.id,
        change=due.change or (before.change if before is not None else "opened"),
        status=incident.status,
        severity=before.severity if due.is_over and before is not None else incident.severity,
        systems=list(incident.systems),
        explained=known or incident.explanation is not None,
        reopened=incident.reopened,
        number=max(1, due.number),
        at=at,
    )
