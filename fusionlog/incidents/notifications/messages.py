"""Messages as requests: the body, the headers and the URL by the type of a target. Pure."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from fusionlog.incidents.notifications.due import Due
from fusionlog.incidents.notifications.fields import Fields, fields_of, filled, filled_json, iso, lines_of, severity_of
from fusionlog.records import Seconds
from fusionlog.settings import Target
from fusionlog.settings.notifications import TargetType

MAX_BATCH: Mapping[TargetType, int] = MappingProxyType({"slack": 10, "alertmanager": 50, "webhook": 1})
"""Incidents of a request, at most."""
REPEAT_SECONDS = 60.0
"""Alertmanager keeps no alerts over a restart: those of open incidents are sent again so often."""
HOLD_SECONDS = 900.0
"""Alertmanager takes an alert that is not sent again for so long for resolved."""
ALERT_NAME = "FusionLogIncident"
ALERTS_PATH = "/api/v2/alerts"
TIMESTAMP, SIGNATURE, KEY = "X-FusionLog-Timestamp", "X-FusionLog-Signature", "Idempotency-Key"
_COLOURS = {"critical": "#8b0000", "error": "#d93025", "warning": "#f2a600", "info": "#5f6368"}
_OVER = "#188038"
_MENTION = re.compile(r"(?<=@)(?=\w)|(?<=<)(?=[!@#])")
"""Where a text would ping somebody: `@here`, `<!channel>`."""


@dataclass(frozen=True)
class Request:
    """A POST of JSON."""

    url: str
    body: bytes
    headers: Mapping[str, str]


def request_of(batch: Sequence[Due], target: Target, now: Seconds) -> Request:
    """The request that notifies a target of some incidents, `MAX_BATCH` at most.

    :param now: Unix time in seconds.
    """
    url, body = _BODIES[target.type](batch, target, now)
    encoded = body.encode("utf-8", "replace") if isinstance(body, str) else json.dumps(body).encode()
    return Request(url, encoded, _headers(batch, target, encoded, now))


def signature(key: str, timestamp: str, body: bytes) -> str:
    """`sha256=` and the hexadecimal HMAC of a request's time and body, joined by a full stop."""
    return "sha256=" + hmac.new(key.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _headers(batch: Sequence[Due], target: Target, body: bytes, now: Seconds) -> dict[str, str]:
    found = {"Content-Type": "application/json"}
    if target.type == "webhook":
        found[KEY] = f"{quote(batch[0].id[:100], safe='')}-{batch[0].number}"  # A repeat after a kill has the same one.
    if target.token is not None:
        found["Authorization"] = f"Bearer {target.token.get_secret_value()}"
    if target.key is not None:
        found[TIMESTAMP] = str(int(now))
        found[SIGNATURE] = signature(target.key.get_secret_value(), found[TIMESTAMP], body)
    return found


def _slack(batch: Sequence[Due], target: Target, now: Seconds) -> tuple[str, Any]:
    """A text for what shows no attachments, and an attachment for each incident."""
    attachments = [_attachment(due, target) for due in batch]
    text = f"{len(batch)} incidents" if len(batch) > 1 else ""
    return target.url.get_secret_value(), {"text": text, "attachments": attachments}


def _attachment(due: Due, target: Target) -> dict[str, Any]:
    fields = {name: _plain(value) for name, value in fields_of(due, target).items()}
    head = f"{str(fields['severity']).upper()} {fields['change']}: {fields['systems']}: {fields['title']}"
    template = target.settings.template
    return {
        "fallback": head,
        "color": _OVER if due.is_over else _COLOURS.get(severity_of(due), _OVER),
        "title": head,
        **({"title_link": fields["link"]} if fields["link"] else {}),
        "text": filled(template, fields) if template is not None else "\n".join(_lines(fields)),
        "footer": f"FusionLog incident {due.id[:12]}",
        "ts": int(due.incident.last_seen),
    }


def _lines(fields: Fields) -> Iterator[str]:
    where = f" on {fields['hosts']}" if fields["hosts"] else ""
    number = f"{fields['anomalies']} anomal{'y' if fields['anomalies'] == 1 else 'ies'}"
    yield f"{number}{where}, {fields['first_seen']} to {fields['last_seen']}"
    yield f"cause: {fields['cause']}"
    if fields["next_step"]:
        yield f"next: {fields['next_step']}"


def _plain(value: str | int) -> str | int:
    """A field that pings nobody, and is no link: lines of a log may hold `<!channel>`, and titles hold `<NUM>`."""
    if isinstance(value, int):
        return value
    return _MENTION.sub("\u200b", value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))


def _alertmanager(batch: Sequence[Due], target: Target, now: Seconds) -> tuple[str, Any]:
    """Alerts of the API v2. An alert is known by its labels: one whose severity has risen is another one, and the one
    before it ends."""
    parts = urlsplit(target.url.get_secret_value())
    path = parts.path.rstrip("/")
    path = path if path.endswith(ALERTS_PATH) else f"{path}{ALERTS_PATH}"
    return urlunsplit(parts._replace(path=path)), [alert for due in batch for alert in _alerts(due, target, now)]


def _alerts(due: Due, target: Target, now: Seconds) -> Iterator[dict[str, Any]]:
    found = fields_of(due, target)
    fields = {name: _MENTION.sub("\u200b", value) if isinstance(value, str) else value for name, value in found.items()}
    template = target.settings.template
    description = filled(template, fields) if template is not None else "\n".join(_lines(fields))
    noted = {"summary": fields["title"], "description": description, "systems": fields["systems"],
             "hosts": fields["hosts"], "link": fields["link"]}  # fmt: skip
    alert = {
        "annotations": {name: str(value) for name, value in noted.items() if value},
        "startsAt": iso(min(due.incident.first_seen, now)),
        **({"generatorURL": fields["link"]} if fields["link"] else {}),
    }
    if due.before is not None and due.before.status == "open" and due.before.severity != fields["severity"]:
        yield {**alert, "labels": _labels(due, target, due.before.severity), "endsAt": iso(now)}
    ends = now if due.is_over else now + HOLD_SECONDS
    yield {**alert, "labels": _labels(due, target, str(fields["severity"])), "endsAt": iso(ends)}


def _labels(due: Due, target: Target, severity: str) -> dict[str, str]:
    system = next(iter(due.incident.systems), "")
    own = {"alertname": ALERT_NAME, "incident": due.id, "severity": severity, "system": system}
    return {name: value for name, value in {**target.settings.labels, **own}.items() if value}


def _webhook(batch: Sequence[Due], target: Target, now: Seconds) -> tuple[str, Any]:
    (due,) = batch
    fields, url, template = fields_of(due, target), target.url.get_secret_value(), target.settings.template
    if template is not None:
        return url, filled_json(template, fields)
    incident = {**fields, "systems": list(due.incident.systems), "lines": lines_of(due.incident)}
    left_out = ("change", "target", "link", "system")
    return url, {
        "version": 1, "target": target.name, "change": fields["change"], "number": due.number, "sent_at": iso(now),
        "link": fields["link"] or None,
        "incident": {name: value for name, value in incident.items() if name not in left_out},
    }  # fmt: skip


_BODIES: Mapping[TargetType, Callable[[Sequence[Due], Target, Seconds], tuple[str, Any]]] = MappingProxyType(
    {"slack": _slack, "alertmanager": _alertmanager, "webhook": _webhook}
)
