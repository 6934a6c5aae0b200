"""The record of an incident: the anomalies of one cause, of one system or of several that began together."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from fusionlog.records import Record
from fusionlog.records.base import Count, Seconds, SystemName

MAX_TITLE_CHARS = 80
MAX_ANOMALY_IDS = 1_000
"""Anomalies that an incident has by id, at most: a repeat of one of them is recognised."""
MAX_SESSIONS = 100
MAX_HOSTS = 50

Status = Literal["open", "resolved", "withdrawn"]
"""`withdrawn`: each of its anomalies was withdrawn."""
Severity = Literal["low", "medium", "high", "critical"]
TellingKind = Literal["event", "missing", "count", "end", "pause"]


class TellingEvent(Struct, frozen=True, kw_only=True):
    """An event that indicates the cause: one that occurs, one that is missing, one with an unusual count, one that a
    window unusually ends with, or one with a long pause after it. `key` identifies it in its system by kind and words;
    `count` is the anomalies that it was found in."""

    key: str
    kind: TellingKind
    text: str
    example: str = ""
    count: Count = 1


class IncidentPart(Struct, frozen=True, kw_only=True):
    """The share of a system in an incident: its telling events, the most frequent first, and its anomalies."""

    system: SystemName
    telling: list[TellingEvent]
    anomalies: Annotated[int, Meta(ge=0)]


class Incident(Record, frozen=True, kw_only=True):
    """The anomalies of one cause. Of records with one id the last one counts.

    `id` is a hash of its first anomaly's system and id, so that a replay gives the same one. `first_seen` and
    `last_seen` are the times of its first and last anomalous window, `resolved_at` the time from which it was quiet for
    long enough. `anomaly_ids` has the first `MAX_ANOMALY_IDS` of its anomalies, `sessions` the first `MAX_SESSIONS`
    distinct ones, and `hosts` the first `MAX_HOSTS`. `anomaly` is the id of the one with the highest score: it stands
    for all where an explanation is asked for. `reopened` is how often it was resolved and came back; `previous` is the
    id of the last incident with these telling events, which was over for too long to be opened again.
    """

    id: str
    systems: list[SystemName]
    status: Status
    severity: Severity
    title: str
    cause: str
    parts: list[IncidentPart]
    first_seen: Seconds
    last_seen: Seconds
    anomalies: Annotated[int, Meta(ge=0)]
    anomaly_ids: list[str]
    sessions: list[str]
    hosts: list[str]
    anomaly: str
    score: float
    shape: str
    resolved_at: Seconds | None = None
    reopened: Annotated[int, Meta(ge=0)] = 0
    previous: str | None = None
