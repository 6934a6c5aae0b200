"""The record of what a target was notified of."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from fusionlog.records.anomalies import Severity
from fusionlog.records.base import Count, Record, Seconds, SystemName
from fusionlog.records.incidents import Status

NotifiedChange = Literal["opened", "updated", "resolved", "reopened", "withdrawn"]


class Notification(Record, frozen=True, kw_only=True):
    """The last message on an incident that a target has accepted; a tombstone: the incident was forgotten.

    It is written after the target's answer, so that a restart sends nothing twice.
    """

    target: Annotated[str, Meta(description="Name of the target in the notifications file.", examples=["oncall"])]
    incident: Annotated[str, Meta(description="Id of the incident.", examples=["7d0c1f6b52a94be3a1f0b5d2c9e84f10"])]
    change: Annotated[NotifiedChange, Meta(description="What the message was about.", examples=["opened"])]
    status: Annotated[Status, Meta(description="Status of the incident in the message.", examples=["open"])]
    severity: Annotated[
        Severity,
        Meta(
            description="Severity of the incident in the message; of one that is over, that of the message before.",
            examples=["error"],
        ),
    ]
    systems: Annotated[
        list[SystemName], Meta(description="Systems of the incident in the message.", examples=[["shop"]])
    ]
    explained: Annotated[
        bool, Meta(description="Whether the incident had its explanation in a message.", examples=[False])
    ] = False
    reopened: Annotated[int, Meta(ge=0, description="How often the incident had come back by then.", examples=[0])] = 0
    number: Annotated[Count, Meta(description="Number of this message among those on the incident.", examples=[1])] = 1
    at: Annotated[Seconds, Meta(description="When the target accepted it.", examples=[1764241206.4])]
