"""The verdict that an operator gives on an incident: those on the events, or the window shapes, of its anomalies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from fusionlog.novelty.reasons.telling import is_telling
from fusionlog.online.giving_verdicts import on_anomaly
from fusionlog.online.operator_verdicts import telling
from fusionlog.records import Anomaly, Feedback

Target = tuple[str, str, bool, str]
"""System, event, whether it is about its absence, shape."""
MOST = 200
"""Verdicts on an incident, at most: the targets that most of its anomalies have."""


def on_incident(incident: str, anomalies: Iterable[Anomaly], given: Feedback) -> list[Feedback]:
    """The verdicts that one on an incident is.

    A dismissal is one on each event that tells of its anomalies, which mutes every anomaly that these alone tell of;
    an anomaly that no event distinguishes is muted by its shape. A confirmation is one on each shape: an event of an
    incident need not be anomalous in another window.

    :param incident: the incident's id.
    :param anomalies: its anomalies, of any systems.
    """
    counted: dict[Target, int] = {}
    verdicts: dict[Target, Feedback] = {}
    for anomaly in anomalies:
        for each in _on_anomaly(anomaly, given):
            target = each.system, each.event, each.absent, "" if each.event else each.shape
            counted[target] = counted.get(target, 0) + 1
            verdicts[target] = replace(each, incident=incident)
    most = sorted(verdicts, key=lambda target: (-counted[target], target))
    return [verdicts[target] for target in most[:MOST]]


def _on_anomaly(anomaly: Anomaly, given: Feedback) -> Iterator[Feedback]:
    events = [each for each in telling(anomaly) if is_telling(each)] if given.verdict == "dismiss" else []
    for each in events:
        yield on_anomaly(anomaly, given, True, each.template)
    if not events:
        yield on_anomaly(anomaly, given, False)
