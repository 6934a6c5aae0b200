"""The fields of an incident as they leave: redacted, and of a bounded length. Templates are made of them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from string import Template
from urllib.parse import quote, urlsplit

from fusionlog.errors import SettingError
from fusionlog.incidents.notifications.due import Due
from fusionlog.records import Incident, Seconds
from fusionlog.settings import Target
from fusionlog.utils.redaction import redact

MAX_CHARS = 500
"""Characters of a field, at most."""
MAX_NAMES = 10
"""Sessions, hosts or systems in a field, at most."""
MAX_LINES = 3
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]+")
"""What breaks a line, or reverses the order of a text."""

Fields = Mapping[str, str | int]


def fields_of(due: Due, target: Target) -> Fields:
    """The fields of a message by name, as templates name them."""
    incident = due.incident
    explanation = incident.explanation
    found: dict[str, str | int] = {
        "id": incident.id,
        "change": due.change or "opened",
        "status": incident.status,
        "severity": severity_of(due),
        "title": _shown(incident.title),
        "cause": _shown(explanation.cause if explanation is not None else incident.cause),
        "next_step": _shown(explanation.next_step or "") if explanation is not None else "",
        "system": next(iter(incident.systems), ""),
        "systems": _names(incident.systems),
        "hosts": _names(incident.hosts),
        "sessions": _names(incident.sessions),
        "anomalies": incident.anomalies,
        "reopened": incident.reopened,
        "first_seen": iso(incident.first_seen),
        "last_seen": iso(incident.last_seen),
        "lines": "\n".join(lines_of(incident)),
        "target": target.name,
    }
    return {**found, "link": _link(target, found)}


FIELDS = frozenset({
    "id", "change", "status", "severity", "title", "cause", "next_step", "system", "systems", "hosts", "sessions",
    "anomalies", "reopened", "first_seen", "last_seen", "lines", "target", "link",
})  # fmt: skip
"""The names of all fields."""


def severity_of(due: Due) -> str:
    """The severity in a message: of an incident that is over, and in a repetition, that of the message before."""
    is_as_before = due.is_over or due.change is None
    return due.before.severity if is_as_before and due.before is not None else due.incident.severity


def lines_of(incident: Incident) -> list[str]:
    """A line of each of the most telling events, redacted."""
    examples = [each.evidence.example for part in incident.parts for each in part.telling if each.evidence.example]
    return [_shown(each) for each in examples[:MAX_LINES]]


def iso(seconds: Seconds) -> str:
    """A Unix time as RFC 3339 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def check(target: Target, sample: Due) -> None:
    """Refuse a template or a link that cannot be filled in.

    :param sample: a message that it is tried with.
    :raises SettingError: naming the target, and the fields that there are.
    """
    settings = target.settings
    if settings.link is not None:
        _check_names(target, "link", settings.link, FIELDS - {"link"})
        if urlsplit(settings.link).scheme not in ("http", "https"):
            raise SettingError(f"{target.name}.link", settings.link, "it must be like https://host/incidents/$id")
    if settings.template is not None:
        _check_names(target, "template", settings.template, FIELDS)
        if target.type == "webhook":
            _check_json(target, settings.template, fields_of(sample, target))


def filled(template: str, fields: Fields) -> str:
    """A template with its fields. `$$` is a dollar sign."""
    return Template(template).substitute(fields)


def filled_json(template: str, fields: Fields) -> str:
    """A JSON text with its fields, each escaped as a part of a JSON string."""
    return filled(template, {name: json.dumps(str(value))[1:-1] for name, value in fields.items()})


def _check_names(target: Target, key: str, text: str, known: frozenset[str]) -> None:
    place, template = f"{target.name}.{key}", Template(text)
    if not template.is_valid():
        raise SettingError(place, text, "a $ that begins no field is written $$")
    unknown = sorted(set(template.get_identifiers()) - known)
    if unknown:
        raise SettingError(place, f"${unknown[0]}", f"there is no such field; there are {', '.join(sorted(known))}")


def _check_json(target: Target, template: str, fields: Fields) -> None:
    try:
        json.loads(filled_json(template, fields))
    except ValueError as error:
        raise SettingError(
            f"{target.name}.template", template, f"it is not JSON once its fields are filled in ({error}); "
            'write "$title", in quotation marks',
        ) from None  # fmt: skip


def _link(target: Target, fields: Fields) -> str:
    quoted = {name: quote(str(value), safe="") for name, value in fields.items()}
    return filled(target.settings.link, quoted) if target.settings.link else ""


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return _shown(", ".join(names[:MAX_NAMES])) + more


def _shown(text: str) -> str:
    """A text as it leaves."""
    shown = " ".join(_CONTROL.sub(" ", redact(text[: 4 * MAX_CHARS])).split())
    return shown if len(shown) <= MAX_CHARS else f"{shown[: MAX_CHARS - 1]}…"
