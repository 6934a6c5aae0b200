"""The record of an incident: the anomalies of one cause, of one system or of several that began together."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from fusionlog.records.anomalies import TITLE_CHARS, Evidence, Explanation, Severity
from fusionlog.records.base import Count, Probability, Record, Seconds, SystemName

MAX_ANOMALY_IDS = 1_000
"""Anomalies that an incident has by id, at most: a repeat of one of them is recognised."""
MAX_SESSIONS = 100
MAX_HOSTS = 50

Status = Literal["open", "resolved", "withdrawn"]
"""`withdrawn`: each of its anomalies was withdrawn."""
Change = Literal["opened", "updated", "resolved", "reopened", "withdrawn", "explained"]
TellingKind = Literal["event", "missing", "end", "pause"]


class TellingEvent(Struct, frozen=True, kw_only=True):
    """An event that indicates the cause of an incident.

    `event` is one that occurs, `missing` one that does not, `end` one that windows unusually end with, `pause` one with
    a long pause after it. What is unusual of one that occurs stands in its evidence.
    """

    key: Annotated[
        str,
        Meta(
            description="What identifies it in its system: its kind and its words; templates of other literals share "
            "it.",
            examples=["missing:payment accepted"],
        ),
    ]
    kind: Annotated[TellingKind, Meta(description="What of the event is telling.", examples=["missing"])]
    evidence: Annotated[
        Evidence,
        Meta(
            description="The event as the first anomaly with it has it.",
            examples=[
                {
                    "template": "9c1f4e2ab07d3356",
                    "text": "payment <NUM> accepted",
                    "example": "",
                    "count": 0,
                    "absent": True,
                    "share": 0.99,
                    "windows": 1424,
                    "beside": "order <NUM> reserved",
                }
            ],
        ),
    ]
    anomalies: Annotated[Count, Meta(description="Anomalies of the incident with it.", examples=[17])] = 1


class IncidentPart(Struct, frozen=True, kw_only=True):
    """The share of a system in an incident."""

    system: Annotated[SystemName, Meta(description="Name of the system.", examples=["shop"])]
    telling: Annotated[
        list[TellingEvent],
        Meta(
            description="The telling events of its anomalies, the most frequent first; twelve at most.",
            examples=[
                [
                    {
                        "key": "event:payment refused",
                        "kind": "event",
                        "evidence": {
                            "template": "41d0aa93be7f2c18",
                            "text": "payment <NUM> refused: <NUM>",
                            "example": "payment 17 refused: 402",
                            "count": 3,
                        },
                        "anomalies": 17,
                    }
                ]
            ],
        ),
    ]
    anomalies: Annotated[int, Meta(ge=0, description="Its anomalies in the incident.", examples=[17])]


class Incident(Record, frozen=True, kw_only=True):
    """The anomalies of one cause. Of records with one id the last one counts; a tombstone: it is over for so long that
    it was forgotten.

    An anomaly that comes again, by a replay of lines, changes no incident.
    """

    id: Annotated[
        str,
        Meta(
            description="Id of the incident, a hash of its first anomaly's system and id.",
            examples=["7d0c1f6b52a94be3a1f0b5d2c9e84f10"],
        ),
    ]
    change: Annotated[
        Change,
        Meta(description="What this record changed: the greatest change since the record before.", examples=["opened"]),
    ]
    status: Annotated[
        Status, Meta(description="open, resolved, or withdrawn: all its anomalies were.", examples=["open"])
    ]
    severity: Annotated[
        Severity,
        Meta(description="The greatest severity of its anomalies; info where it is withdrawn.", examples=["error"]),
    ]
    title: Annotated[
        str,
        Meta(
            max_length=TITLE_CHARS,
            description="The incident in a line: its most frequent telling event.",
            examples=["missing: payment <NUM> accepted (in 99 % of 1,424 windows like it)"],
        ),
    ]
    cause: Annotated[
        str,
        Meta(
            description="Per system the telling events that most of its anomalies have; 500 characters at most.",
            examples=["shop: missing: payment <NUM> accepted"],
        ),
    ]
    systems: Annotated[
        list[SystemName],
        Meta(description="Its systems, in the order in which they came in.", examples=[["shop", "bank"]]),
    ]
    parts: Annotated[
        list[IncidentPart],
        Meta(
            description="The share of each system.",
            examples=[[{"system": "shop", "telling": [], "anomalies": 17}]],
        ),
    ]
    first_seen: Annotated[
        Seconds, Meta(description="Time of the earliest line of its anomalies.", examples=[1764241035.201])
    ]
    last_seen: Annotated[
        Seconds, Meta(description="Time of the latest line of its anomalies.", examples=[1764241196.87])
    ]
    updated_at: Annotated[
        Seconds, Meta(description="When its last anomaly was counted, or left it.", examples=[1764241206.1])
    ]
    anomalies: Annotated[int, Meta(ge=0, description="Its anomalies.", examples=[17])]
    anomaly_ids: Annotated[
        list[str],
        Meta(
            description="Ids of its first anomalies, 1,000 at most.",
            examples=[["5b2fb1bd1d2f4a0c9f0c8e0c1d7e6a11"]],
        ),
    ]
    sessions: Annotated[
        list[str], Meta(description="Its first distinct sessions, 100 at most.", examples=[["req-1f2e3d"]])
    ]
    hosts: Annotated[list[str], Meta(description="Its first distinct hosts, 50 at most.", examples=[["web-1"]])]
    anomaly: Annotated[
        str,
        Meta(
            description="Id of its anomaly with the highest score, which is explained for all.",
            examples=["5b2fb1bd1d2f4a0c9f0c8e0c1d7e6a11"],
        ),
    ]
    shape: Annotated[str, Meta(description="Shape of that anomaly's window.", examples=["0f3c9a1be2d4476655aa01ce"])]
    score: Annotated[Probability, Meta(description="Score of that anomaly.", examples=[0.97])]
    explanation: Annotated[
        Explanation | None,
        Meta(description="A language model's explanation of one of its anomalies; null: none yet.", examples=[None]),
    ] = None
    resolved_at: Annotated[
        Seconds | None,
        Meta(description="When it was resolved; null: it is open.", examples=[1764241506.1]),
    ] = None
    reopened: Annotated[int, Meta(ge=0, description="How often it was quiet and came back.", examples=[0])] = 0
    previous: Annotated[
        str | None,
        Meta(
            description="Id of the last incident with these telling events, which was over for too long to be opened "
            "again.",
            examples=["1f7a0e94c2b64d0d8d0a9a3b1c5e7f22"],
        ),
    ] = None
