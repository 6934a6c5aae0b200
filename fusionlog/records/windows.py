"""The record of a window: its events, its place in Kafka, and its shape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Annotated

from msgspec import Meta, Struct

from fusionlog.records.base import (
    MAX_EVENTS,
    ClosedBy,
    Count,
    Duration,
    Index,
    Offset,
    Partition,
    Probability,
    Record,
    Seconds,
    SystemName,
)
from fusionlog.types import Position, RouteKind

LEAST_DURATION: Seconds = 1.0
"""A window has a longest duration from here up."""
LEAST_PAUSE: Seconds = 10.0
"""A window has a longest pause from here up."""
MAX_PLACES = 5
"""Hosts, and files, of a window that are named, at most."""


class WindowEvent(Struct, frozen=True, kw_only=True, gc=False):
    """A distinct event of a window: its template, a line of it in this window, and its number of lines there.

    The line, `example`, is the first one, or, from a second up, the one with the longest duration. `duration` is the
    longest duration that one of its lines in this window names, in seconds; 0: none does. `quantities` are the greatest
    values of its other named numbers in this window, by name: sizes in bytes, retries, percentages.
    """

    template: Annotated[str, Meta(description="Id of its template.", examples=["41d0aa93be7f2c18"])]
    text: Annotated[
        str, Meta(description="The event: the constant text of its lines.", examples=["order <NUM> reserved"])
    ]
    example: Annotated[str, Meta(description="A line of it in this window.", examples=["order 17 reserved"])]
    count: Annotated[Count, Meta(description="Its lines in this window.", examples=[1])]
    duration: Annotated[
        Duration, Meta(description="Longest duration that a line of it names, in seconds; 0: none.", examples=[3.9])
    ] = 0.0
    quantities: Annotated[
        dict[str, float],
        Meta(description="Greatest values of its other named numbers, by name.", examples=[{"retries": 3.0}]),
    ] = {}


class Longest(Struct, frozen=True, kw_only=True, gc=False):
    """The longest duration, or pause, of a window, in seconds, and its event: a place in `events`. For a pause, it is
    the event before it."""

    seconds: Annotated[Duration, Meta(description="How long, in seconds.", examples=[40.0])]
    event: Annotated[int, Meta(ge=0, description="Place of the event in `events`, from 0.", examples=[0])]


class Route(Struct, frozen=True, kw_only=True):
    """Why a window is general or proprietary: S = min over events of the max cosine to the bank, against tau.

    `acquisition_score` is set where a general window gets a second opinion: it is sent to the teacher, though the small
    model has a verdict."""

    kind: Annotated[
        RouteKind, Meta(description="general: its events are known; proprietary: they are not.", examples=["general"])
    ]
    similarity: Annotated[
        float, Meta(description="S: the least similarity of an event to the bank, -1 to 1.", examples=[0.91])
    ]
    threshold: Annotated[float, Meta(description="Tau: general from here up.", examples=[0.83])]
    least_similar_event: Annotated[
        str | None, Meta(description="Text of the event with that similarity.", examples=["order <NUM> reserved"])
    ] = None
    model: Annotated[
        str | None,
        Meta(description="Version of the release whose bank it was.", examples=["20261127T124410Z-shop-4f1a"]),
    ] = None
    acquisition_score: Annotated[
        float | None, Meta(description="Why it gets a second opinion; null: it gets none.", examples=[1.7])
    ] = None


class Span(Struct, frozen=True, kw_only=True, gc=False):
    """The lines of a window that lie in one raw partition: from the first one to the last one."""

    partition: Partition
    first_offset: Offset
    last_offset: Offset
    first_index: Index = 0
    last_index: Index = 0


class Window(Record, frozen=True, kw_only=True):
    """A session, or a window of a fixed number of lines, ready for a verdict.

    `closed_by` is why the window ends: `idle`, no line of the session came for an idle gap; `size`, or `count`, it is
    full; `silence`, none came to the partition; `overflow`, too many sessions were open there.
    `events` are distinct, in order of first occurrence; `sequence` indexes them, one entry a line. `shape` is the hash
    of the multiset of templates and of the decades of `duration` and `pause`: windows of one shape get one verdict.
    `duration` is the longest that a line of the window names, from a second up; `pause` the longest between two lines
    after one another, by the times that they or their envelopes have, from ten seconds up. A record may hold several
    lines: the first line is number `first_index` of its record, from 0, the last one number `last_index`. `provisional`
    is the probability in a verdict that the offline teacher gave while the teacher was away; the window waits for the
    teacher's own.

    `own_times` is whether its lines, or their envelopes, have times of their own; else `started` and `ended` are
    Kafka's. `hosts` and `files` are those that its lines' envelopes name, `MAX_PLACES` of each at most.

    Of a system with `repartition: true`, the topic and the offsets are those of the keyed topic; `spans` are where the
    lines lie in the raw topic, by partition.
    """

    id: str
    system: SystemName
    session: str
    shape: str
    topic: str
    partition: Partition
    first_offset: Offset
    last_offset: Offset
    started: Seconds
    ended: Seconds
    closed_by: ClosedBy
    events: Annotated[list[WindowEvent], Meta(min_length=1, max_length=MAX_EVENTS)]
    sequence: Annotated[list[int], Meta(min_length=1)]
    route: Route | None = None
    first_index: Index = 0
    last_index: Index = 0
    provisional: Probability | None = None
    duration: Longest | None = None
    pause: Longest | None = None
    spans: list[Span] = []
    own_times: bool = False
    hosts: list[str] = []
    files: list[str] = []

    def __post_init__(self) -> None:
        """Refuse events that are not distinct, and places that are none in `events`.

        :raises ValueError: the template of such an event, or the number of such a place.
        """
        if len({event.template for event in self.events}) < len(self.events):
            raise ValueError(f"{_twice(self.events)!r} stands twice among its events")
        longest = (each.event for each in (self.duration, self.pause) if each is not None)
        for place in (min(self.sequence, default=0), max(self.sequence, default=0), *longest):
            if not 0 <= place < len(self.events):
                raise ValueError(f"{place} is no place in its {len(self.events)} events")


def _twice(events: Sequence[WindowEvent]) -> str:
    """The first template that several of these events have; its beginning."""
    counts = Counter(event.template for event in events)
    return next(template for template, count in counts.items() if count > 1)[:50]


def window_id(topic: str, partition: int, first: Position, last: Position, session: str) -> str:
    """The id of a window: a hash of where its lines lie in Kafka and of its session, so that a window emitted twice is
    recognisable, and two sessions of the same lines are two windows."""
    place = f"{topic}/{partition}/{first[0]}.{first[1]}/{last[0]}.{last[1]}/{session}"
    return blake2b(place.encode(), digest_size=16).hexdigest()


def spans_id(topic: str, spans: Sequence[Span], session: str) -> str:
    """The id of a window by where its lines lie in the raw topic; of one partition, that of a window cut there.

    :param spans: by partition, ascending.
    """
    ids = [
        window_id(
            topic, span.partition, (span.first_offset, span.first_index), (span.last_offset, span.last_index), session
        )
        for span in spans
    ]
    return ids[0] if len(ids) == 1 else blake2b("/".join(ids).encode(), digest_size=16).hexdigest()


def window_shape(
    counts: Iterable[tuple[str, int]],
    duration: tuple[str, Seconds] | None = None,
    pause: tuple[str, Seconds] | None = None,
) -> str:
    """The hash of a window's multiset of templates, given as (template id, count) pairs in any order.

    :param duration: its longest duration from a second up, and :param pause: its longest pause from ten seconds up, by
        the template of the event: the decade of each, the third one open, is part of the shape.
    """
    parts = [f"{template}:{count}" for template, count in sorted(counts)]
    for name, longest, least in (("duration", duration, LEAST_DURATION), ("pause", pause, LEAST_PAUSE)):
        if longest is not None:
            parts.append(f"{name}:{longest[0]}:{decade(longest[1], least)}")
    return blake2b(";".join(parts).encode(), digest_size=12).hexdigest()


def decade(seconds: float, least: float) -> int:
    """The decade of a time from `least` seconds up: 0, 1, and 2 for a hundred times as long and longer."""
    return sum(seconds >= least * factor for factor in (10, 100))
