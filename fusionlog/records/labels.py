"""Records of labels: a teacher's on a window shape, and an operator's withdrawal of it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from fusionlog.records.base import Count, Probability, Record, Seconds, SystemName


class EventLabel(Struct, frozen=True, kw_only=True):
    """A teacher's verdict on one event of a window."""

    template: Annotated[str, Meta(description="Id of the event's template.", examples=["9c1f4e2ab07d3356"])]
    text: Annotated[
        str,
        Meta(description="The event: the constant text of its lines.", examples=["payment <NUM> refused: <NUM>"]),
    ]
    count: Annotated[Count, Meta(description="Its lines in the window.", examples=[3])]
    probability: Annotated[Probability, Meta(description="Probability that it is anomalous.", examples=[0.93])]
    reason: Annotated[str, Meta(description="Why; may be empty.", examples=["a refused payment"])] = ""


class Revocation(Struct, frozen=True, kw_only=True):
    """The withdrawal of a label by an operator.

    `templates` are the events that were named; none where the window shape was. `events` are the withdrawn verdicts: a
    restoration puts them back.
    """

    by: str
    at: Seconds
    note: str = ""
    templates: list[str] = []
    events: list[EventLabel] = []


class PseudoLabel(Record, frozen=True, kw_only=True):
    """A teacher's verdict on a window shape: the probability that it is anomalous, and that of each of its events.

    A label with `propagated_from` was propagated from that shape, of the same cluster (see `methods.alpha`): no call
    was made about its own. `contradicts` are the templates whose verdict up to then this answer contradicts: they are
    asked about again. A `revoked` label counts for nothing, and has no `events`, so that an earlier reader learns none.
    """

    system: SystemName
    shape: str
    probability: Probability
    confidence: Probability
    reason: str
    events: list[EventLabel]
    teacher: str
    window: str
    labelled_at: Seconds
    propagated_from: str | None = None
    contradicts: list[str] = []
    revoked: Revocation | None = None
