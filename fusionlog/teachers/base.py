"""What is asked of a teacher and what it says: units, verdicts, and the interface that every teacher has.

A unit is a window as a teacher sees it: its distinct events in order of first occurrence, each a redacted line with
its count. A teacher answers each unit by itself; what it cannot answer comes back as a `TeacherError` in that unit's
place, so that one bad unit never costs the others their labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from msgspec import Struct

from fusionlog.errors import TeacherError
from fusionlog.novelty.profile import SystemProfile
from fusionlog.records import EventLabel, PseudoLabel, Window, WindowEvent
from fusionlog.settings import SystemSettings
from fusionlog.teachers.redaction import redact

MAX_EVENT_CHARS = 400
"""Characters of an event that are sent: a log line says what happened early, a dump after it costs tokens."""
MAX_UNIT_EVENTS = 60
"""Events of a unit that are sent; 60 lines of 400 characters are about 6,000 tokens, the most a window can cost."""
MAX_REASON_CHARS = 500


class UnitEvent(Struct, frozen=True):
    """A distinct event of a unit. `id` counts the window's events from 1; `text` is redacted and cut."""

    id: int
    text: str
    count: int


class Unit(Struct, frozen=True):
    """A window to be judged, with what the operator said of its system."""

    system: str
    description: str
    policy: str
    events: tuple[UnitEvent, ...]


class EventVerdict(Struct, frozen=True):
    """The probability that an event, by itself, speaks for an anomaly."""

    id: int
    probability: float
    reason: str = ""


class Verdict(Struct, frozen=True):
    """The probability that a unit is anomalous, how sure the teacher is of what it said, why, and its events'."""

    probability: float
    confidence: float
    reason: str
    events: tuple[EventVerdict, ...]


class Teacher(Protocol):
    """Who judges units. `name` stands in every label it gives and says which teacher spoke."""

    name: str

    async def label(self, units: Sequence[Unit]) -> list[Verdict | TeacherError]:
        """A verdict or an error for each unit, in their order; never raises a `TeacherError` itself."""
        ...

    async def close(self) -> None:
        """Let connections go."""
        ...


@runtime_checkable
class StreamTeacher(Protocol):
    """A teacher that judges windows by what it has seen of their system: the same shape may be judged otherwise later,
    and asking again costs nothing."""

    async def update(self, windows: Sequence[Window]) -> None:
        """Know that these went by."""

    async def load_profile(self, system: str, profile: SystemProfile) -> None:
        """Know at least what a profile of a system was counted from."""

    async def label_windows(
        self, windows: Sequence[Window], system: SystemSettings, own: bool = False
    ) -> list[Verdict | TeacherError]:
        """A verdict on each window, in their order, by what went by before.

        :param own: they were seen themselves; each is judged by the others.
        """


async def ask(teacher: Teacher, windows: Sequence[Window], system: SystemSettings) -> list[Verdict | TeacherError]:
    """A teacher's verdicts on windows of a system, in their order."""
    if isinstance(teacher, StreamTeacher):
        return await teacher.label_windows(windows, system)
    return await teacher.label([unit_of(window, system) for window in windows])


def unit_of(window: Window, system: SystemSettings) -> Unit:
    """What a teacher is shown of a window: at most `MAX_UNIT_EVENTS` events, each a redacted line cut to size."""
    chosen = chosen_places(window)
    events = tuple(
        UnitEvent(id=place + 1, text=clip(redact(event.example), MAX_EVENT_CHARS), count=event.count)
        for place, event in enumerate(window.events)
        if place in chosen
    )
    return Unit(system=window.system, description=system.description, policy=system.policy, events=events)


def label_of(window: Window, verdict: Verdict, teacher: str, now: float) -> PseudoLabel:
    """The record of a verdict on a window. Events that the teacher was not shown have no label in it."""
    events = [_event_label(window.events[said.id - 1], said) for said in verdict.events]
    return PseudoLabel(
        system=window.system,
        shape=window.shape,
        probability=verdict.probability,
        confidence=verdict.confidence,
        reason=verdict.reason,
        events=events,
        teacher=teacher,
        window=window.id,
        labelled_at=now,
    )


def clip(text: str, limit: int) -> str:
    """At most `limit` characters; what is cut shows as an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def chosen_places(window: Window) -> set[int]:
    """The places of the events to show: the one most foreign to the router first, then the most frequent."""
    foreign = window.route.least_similar_event if window.route else None
    order = sorted(
        range(len(window.events)),
        key=lambda place: (window.events[place].template != foreign, -window.events[place].count, place),
    )
    return set(order[:MAX_UNIT_EVENTS])


def _event_label(event: WindowEvent, said: EventVerdict) -> EventLabel:
    return EventLabel(
        template=event.template, text=event.text, count=event.count, probability=said.probability, reason=said.reason
    )
