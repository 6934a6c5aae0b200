"""What a target is due on an incident, by what it accepted last."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from fusionlog.incidents.notifications.due import Due, change_of, notified, suppressed
from fusionlog.records import Incident, Notification
from tests.explanation.factories import make_explanation
from tests.factories import make_anomaly
from tests.incidents.notifications.factories import NOW, make_incident, make_target


def sent(incident: Incident, change: Any = "opened", before: Notification | None = None) -> Notification:
    return notified(Due(incident, change, before), make_target(), NOW)


def change(incident: Incident, before: Notification | None, **settings: Any) -> str | None:
    return change_of(incident, before, make_target(**settings).settings)


def test_an_incident_is_opened_once_resolved_once_and_reopened() -> None:
    one, found, last = make_incident(), [], None
    over = replace(one, status="resolved")
    again = replace(one, reopened=1)
    for each in (one, one, over, over, again, again, replace(over, reopened=1)):
        due = change(each, last)
        if due is not None:
            last = sent(each, due, last)
        found.append(due)
    assert found == ["opened", None, "resolved", None, "reopened", None, "resolved"]
    assert last is not None and last.number == 4


def test_more_anomalies_are_no_news_and_a_greater_severity_is() -> None:
    one = make_incident(severity="warning")
    assert change(replace(one, anomalies=9), sent(one)) is None
    assert change(replace(one, severity="critical"), sent(one)) == "updated"
    assert change(replace(one, severity="critical"), sent(one), updates=[]) is None


@pytest.mark.parametrize(
    ("what", "fields"),
    [("systems", {"systems": ["shop", "bank"]}), ("explanation", {"explanation": make_explanation(make_anomaly())})],
)
def test_another_system_and_the_explanation_are_news_where_they_are_wanted(what: str, fields: dict[str, Any]) -> None:
    one = make_incident()
    later = replace(one, **fields)
    assert change(later, sent(one)) is None
    assert change(later, sent(one), updates=[what]) == "updated"
    assert change(later, sent(later, "updated", sent(one)), updates=[what]) is None


def test_a_target_is_notified_of_its_severities_and_systems_alone() -> None:
    one = make_incident(severity="warning")
    assert suppressed(one, make_target(severity="error").settings) == "severity"
    assert suppressed(one, make_target(systems=["bank"]).settings) == "system"
    assert change(one, None, severity="error") is change(one, None, systems=["bank"]) is None
    assert change(one, None, systems=["bank", "shop"]) == "opened"
    assert change(replace(one, severity="error"), None, severity="error") == "opened"


def test_what_was_over_before_it_was_sent_is_not_sent() -> None:
    assert change(make_incident(status="resolved"), None) is None


def test_an_end_is_not_sent_where_it_is_not_wanted_and_a_return_is() -> None:
    one = make_incident()
    assert change(replace(one, status="resolved"), sent(one), send_resolved=False) is None
    assert change(replace(one, reopened=1), sent(one), send_resolved=False) == "reopened"
    assert change(replace(one, reopened=1), sent(one)) is None


def test_a_withdrawn_incident_ends_with_the_severity_that_it_had() -> None:
    one = make_incident()
    gone = replace(one, status="withdrawn", severity="info")
    assert change(gone, sent(one), severity="error") == "withdrawn"
    assert sent(gone, "withdrawn", sent(one)).severity == "error"
