"""The verdicts that an operator gives on an anomaly: their durations, their targets, and the labels of their events."""

from __future__ import annotations

import re

import msgspec

from fusionlog.errors import SettingError
from fusionlog.online.operator_verdicts import probability_of, telling
from fusionlog.records import Anomaly, EventLabel, Evidence, Feedback

LEAST_CHARS = 4
"""Characters of the beginning of an id, at least."""
MAX_NOTE_CHARS = 1000
UNITS = {"m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
LONGEST = 10 * 365 * 86_400


def seconds_of(duration: str) -> float:
    """A duration such as 7d, in seconds.

    :raises SettingError: it is none, or longer than ten years.
    """
    found = re.fullmatch(r"([1-9][0-9]{0,6})([mhdw])", duration)
    seconds = int(found[1]) * UNITS[found[2]] if found else 0
    if not 0 < seconds <= LONGEST:
        raise SettingError("--for", duration, "take a number and m, h, d or w, ten years at most, such as 12h or 7d")
    return float(seconds)


def on_anomaly(anomaly: Anomaly, given: Feedback, is_of_event: bool, event: str | None = None) -> Feedback:
    """A verdict on an anomaly, or on an event of it: the most telling one, where none is named.

    :raises SettingError: the anomaly does not have that event, or what it lacks is confirmed.
    """
    found = msgspec.structs.replace(given, anomaly=anomaly.id, system=anomaly.system, shape=anomaly.shape)
    if not is_of_event:
        return msgspec.structs.replace(found, events=_labels(anomaly, found))
    chosen = _event(anomaly, event)
    if chosen.absent and given.verdict == "confirm":
        raise SettingError("--event", chosen.text, "a missing event cannot be confirmed: confirm the shape")
    return msgspec.structs.replace(
        found, scope="event", event=chosen.template, text=chosen.text, absent=chosen.absent,
        events=[label for label in _labels(anomaly, found) if label.template == chosen.template],
    )  # fmt: skip


def _labels(anomaly: Anomaly, given: Feedback) -> list[EventLabel]:
    """The events of an anomaly under a verdict: of a dismissed one all are normal; of a confirmed one each has the
    probability that the anomaly gives it, else 0, and the most telling of those that are there has 1."""
    known = {each.template: each.probability or 0.0 for each in anomaly.evidence if not each.absent}
    present = [each.template for each in telling(anomaly) if not each.absent]
    verdict = probability_of(given)
    return [
        EventLabel(
            template=event.template, text=event.text, count=event.count,
            probability=verdict if event.template in present[:1] else verdict * known.get(event.template, 0.0),
        )
        for event in anomaly.events
    ]  # fmt: skip


def _event(anomaly: Anomaly, wanted: str | None) -> Evidence:
    evidence = telling(anomaly)
    if wanted is None and evidence:
        return evidence[0]
    others = [
        Evidence(template=each.template, text=each.text, example=each.example, count=each.count)
        for each in anomaly.events
    ]
    of_id = [each for each in (*anomaly.evidence, *others) if each.template == wanted]
    of_text = [each for each in (*anomaly.evidence, *others) if wanted and wanted.casefold() in each.text.casefold()]
    found = {each.template: each for each in reversed(of_id or of_text)}
    if len(found) != 1:
        texts = ", ".join(repr(each.text) for each in (found.values() or anomaly.evidence))
        raise SettingError("--event", wanted, f"name one event of the anomaly: {texts}")
    return next(iter(found.values()))


def is_named(feedback: Feedback, id: str) -> bool:
    """Whether the beginning of an id names the anomaly of a verdict, its incident, its event or its shape."""
    return len(id) >= LEAST_CHARS and any(
        each.startswith(id) for each in (feedback.anomaly, feedback.incident or "", feedback.event or feedback.shape)
    )
