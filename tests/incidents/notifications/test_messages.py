"""Messages as requests: Slack's, Alertmanager's, and JSON for any webhook."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import jsonschema
import pytest
from msgspec.structs import replace

from fusionlog.incidents.notifications.due import Due, notified
from fusionlog.incidents.notifications.messages import ALERT_NAME, HOLD_SECONDS, Request, request_of, signature
from fusionlog.records import Incident
from fusionlog.settings import Target
from tests.explanation.factories import make_explanation
from tests.factories import make_anomaly
from tests.incidents.notifications.factories import NOW, make_incident, make_target

ONE = make_incident()
LABEL_SET = {"type": "object", "additionalProperties": {"type": "string"}}
TIME = {"type": "string", "format": "date-time"}
POSTABLE_ALERTS = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["labels"],
        "additionalProperties": False,
        "properties": {
            "labels": {**LABEL_SET, "minProperties": 1, "propertyNames": {"pattern": "^[a-zA-Z_][a-zA-Z0-9_]*$"}},
            "annotations": {**LABEL_SET, "propertyNames": {"pattern": "^[a-zA-Z_][a-zA-Z0-9_]*$"}},
            "startsAt": TIME,
            "endsAt": TIME,
            "generatorURL": {"type": "string", "format": "uri"},
        },
    },
}
"""`postableAlerts` of Alertmanager's OpenAPI of its API v2, and what it checks beside that: names of labels, and an end
that is not before the start. Fields that it does not have are refused here."""


def checked(alerts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Alerts that Alertmanager takes."""
    jsonschema.validate(alerts, POSTABLE_ALERTS, format_checker=jsonschema.FormatChecker())
    for alert in alerts:
        assert at(alert["startsAt"]) <= at(alert["endsAt"]) and all(alert["labels"].values())
    return alerts


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def sent(request: Request) -> Any:
    return json.loads(request.body)


def opened(incident: Incident, target: Target) -> Any:
    return sent(request_of([Due(incident, "opened", None)], target, NOW))


def follow(before: Incident, now: Incident, change: Any, target: Target) -> Due:
    return Due(now, change, notified(Due(before, "opened", None), target, NOW))


def test_an_alert_has_constant_labels_and_ends_unless_it_is_sent_again() -> None:
    target = make_target("alertmanager", "http://alerts:9093", labels={"team": "shop"})
    (alert,) = checked(opened(ONE, target))
    labels = {"alertname": ALERT_NAME, "incident": ONE.id, "severity": "error", "system": "shop", "team": "shop"}
    assert alert["labels"] == labels and alert["annotations"]["summary"] == ONE.title
    assert at(alert["startsAt"]) == NOW - 60 and at(alert["endsAt"]) == NOW + HOLD_SECONDS
    later = replace(ONE, systems=["shop", "bank"], title="other", anomalies=9)
    (alert,) = checked(sent(request_of([follow(ONE, later, "updated", target)], target, NOW)))
    assert alert["labels"] == labels and alert["annotations"]["systems"] == "shop, bank"


def test_the_end_of_an_incident_ends_the_alert_that_was_sent() -> None:
    target = make_target("alertmanager")
    over = replace(ONE, status="withdrawn", severity="info")
    (alert,) = checked(sent(request_of([follow(ONE, over, "withdrawn", target)], target, NOW)))
    assert alert["labels"]["severity"] == "error" and at(alert["endsAt"]) == NOW


def test_a_greater_severity_is_another_alert_and_ends_the_one_before() -> None:
    target, worse = make_target("alertmanager"), replace(ONE, severity="critical")
    ended, firing = checked(sent(request_of([follow(ONE, worse, "updated", target)], target, NOW)))
    assert (ended["labels"]["severity"], at(ended["endsAt"])) == ("error", NOW)
    assert (firing["labels"]["severity"], at(firing["endsAt"])) == ("critical", NOW + HOLD_SECONDS)
    (again,) = checked(sent(request_of([follow(ONE, worse, None, target)], target, NOW)))
    assert again["labels"]["severity"] == "error"


@pytest.mark.parametrize("first_seen", [0.0, NOW + 5000, 253402300799.0])
def test_lines_of_any_time_give_alerts_that_alertmanager_takes(first_seen: float) -> None:
    target, one = make_target("alertmanager"), replace(ONE, first_seen=first_seen, last_seen=first_seen)
    checked(opened(one, target))
    checked(sent(request_of([follow(one, replace(one, status="resolved"), "resolved", target)], target, NOW)))


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("http://h:9093", "http://h:9093/api/v2/alerts"),
        ("http://h:9093/", "http://h:9093/api/v2/alerts"),
        ("https://h/alerts/team", "https://h/alerts/team/api/v2/alerts"),
        ("https://h/api/v2/alerts", "https://h/api/v2/alerts"),
        ("https://me:pass@h/x?y=1", "https://me:pass@h/x/api/v2/alerts?y=1"),
    ],
)
def test_alerts_are_posted_to_the_api_below_the_address(url: str, path: str) -> None:
    assert request_of([Due(ONE, "opened", None)], make_target("alertmanager", url), NOW).url == path


def test_slack_gets_a_text_that_says_what_happened_where_and_since_when() -> None:
    explained = replace(ONE, explanation=make_explanation(make_anomaly()), hosts=["web-1"])
    found = opened(explained, make_target(link="https://console/incidents/$id"))
    (attachment,) = found["attachments"]
    assert attachment["title"].startswith("ERROR opened: shop: ")
    assert "1 anomaly on web-1, 2027-01-15T07:59:00.000Z to" in attachment["text"]
    assert explained.explanation is not None
    assert f"cause: {explained.explanation.cause}" in attachment["text"] and "next: " in attachment["text"]
    assert attachment["title_link"] == f"https://console/incidents/{ONE.id}"


def test_several_incidents_are_one_message_and_an_end_is_green() -> None:
    target, two = make_target(), make_incident(2)
    over = follow(two, replace(two, status="resolved"), "resolved", target)
    found = sent(request_of([Due(ONE, "opened", None), over], target, NOW))
    assert found["text"] == "2 incidents" and len(found["attachments"]) == 2
    first, second = (each["color"] for each in found["attachments"])
    assert first != second == "#188038"


def test_a_line_of_a_log_pings_nobody_and_is_no_link() -> None:
    title = "<!channel> <@U1> <https://evil|ok> @here a@everyone & <NUM>"
    odd = replace(ONE, title=title, cause=title)
    shown = json.dumps(opened(odd, make_target()), ensure_ascii=False)
    assert not any(each in shown for each in ("<", "@here", "@everyone", "@U1")) and "&lt;NUM&gt;" in shown
    (alert,) = checked(opened(odd, make_target("alertmanager")))
    assert not any(each in alert["annotations"]["summary"] for each in ("<!", "<@", "@here"))


@pytest.mark.parametrize("type", ["slack", "alertmanager", "webhook"])
def test_what_leaves_is_redacted_and_bounded(type: str) -> None:
    secret = "password=hunter2secret from 203.0.113.7 by jane.doe@example.com "
    part = replace(ONE.parts[0], telling=[
        replace(each, evidence=replace(each.evidence, example=secret)) for each in ONE.parts[0].telling
    ])  # fmt: skip
    odd = replace(
        ONE, title=secret[:80], cause=secret * 100, hosts=["203.0.113.7"] * 50, sessions=[secret] * 100, parts=[part],
        explanation=replace(make_explanation(make_anomaly()), cause=secret, next_step=secret * 50),
    )  # fmt: skip
    body = request_of([Due(odd, "opened", None)], make_target(type), NOW).body
    assert len(body) < 10_000
    assert not any(each in body for each in (b"hunter2", b"203.0.113.7", b"jane.doe"))


def test_a_webhook_gets_the_incident_as_json() -> None:
    found = opened(ONE, make_target("webhook"))
    assert (found["version"], found["change"], found["number"]) == (1, "opened", 1)
    assert found["incident"]["id"] == ONE.id and found["incident"]["systems"] == ["shop"]
    assert found["incident"]["first_seen"] == "2027-01-15T07:59:00.000Z"


def test_a_webhook_is_signed_and_its_repetition_is_recognised() -> None:
    target = make_target("webhook", key="k", token="t")
    first, again = (request_of([Due(ONE, "opened", None)], target, NOW + n) for n in (0, 5))
    assert first.headers["X-FusionLog-Signature"] == signature("k", str(int(NOW)), first.body)
    by_openssl = "3dd49b2593d0f9a349e9e71c4bde3e2b862c2be4003fe9b4ba81332029310158"
    assert signature("k", "1", b"{}") == f"sha256={by_openssl}"
    assert first.headers["Authorization"] == "Bearer t"
    assert first.headers["Idempotency-Key"] == again.headers["Idempotency-Key"] == f"{ONE.id}-1"
    end = request_of([follow(ONE, replace(ONE, status="resolved"), "resolved", target)], target, NOW)
    assert end.headers["Idempotency-Key"] == f"{ONE.id}-2"


def test_the_id_of_a_forged_incident_adds_no_header() -> None:
    request = request_of([Due(replace(ONE, id="a\r\nX-Evil: 1\u00e9"), "opened", None)], make_target("webhook"), NOW)
    assert request.headers["Idempotency-Key"] == "a%0D%0AX-Evil%3A%201%C3%A9-1"
