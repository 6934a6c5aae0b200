"""A made-up incident, by which targets and their templates are tried."""

from __future__ import annotations

from msgspec.structs import replace

from fusionlog.incidents.notifications.due import Due, change_of, notified
from fusionlog.records import Evidence, Incident, IncidentPart, Notification, Seconds, Severity, TellingEvent
from fusionlog.settings import Target

TITLE = "a test of notifications; nothing is wrong"


def sample(target: Target, now: Seconds) -> Due:
    """The message that opens the made-up incident, of a severity and a system that the target wants."""
    incident = sample_incident(next(iter(target.settings.systems), "test"), target.settings.severity, now)
    return Due(incident, "opened", None)


def sample_end(due: Due, target: Target, now: Seconds) -> Due | None:
    """The message that ends it; None where the target wants none."""
    sent: Notification = notified(due, target, now)
    over = replace(due.incident, status="resolved", change="resolved", resolved_at=now)
    change = change_of(over, sent, target.settings)
    return None if change is None else Due(over, change, sent)


def sample_incident(system: str, severity: Severity, now: Seconds) -> Incident:
    """An open incident of one anomaly."""
    evidence = Evidence(template="0" * 16, text=TITLE, example=TITLE, count=1)
    telling = [TellingEvent(key=f"event:{TITLE}", kind="event", evidence=evidence)]
    return Incident(
        id=f"test{int(now):028x}", change="opened", status="open", severity=severity, title=TITLE,
        cause=f"{system}: {TITLE}", systems=[system],
        parts=[IncidentPart(system=system, telling=telling, anomalies=1)], first_seen=now, last_seen=now,
        updated_at=now, anomalies=1, anomaly_ids=["test"], sessions=["test"], hosts=[], anomaly="test", shape="test",
        score=1.0,
    )  # fmt: skip
