"""The interface of a teacher: units (windows to label), verdicts, and the conversions from windows and to labels.

A unit is a window as it is sent to a teacher: its distinct events in order of first occurrence, each a redacted line
with its count. A teacher labels each unit by itself; a unit without a usable answer has a `TeacherError` in its place,
so that one bad unit never costs the others their labels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Literal, Protocol, runtime_checkable

from msgspec import Struct
from msgspec.structs import replace

from fusionlog.errors import TeacherError
from fusionlog.records import EventLabel, PseudoLabel, Window, WindowEvent
from fusionlog.settings import SystemSettings
from fusionlog.teachers.header_names import HeaderNames, header_names
from fusionlog.utils.redaction import redact

OFFLINE = "offline"
"""The name of the offline teacher."""
MAX_EVENT_CHARS = 400
"""Characters of an event that are sent: the message comes early in a log line, a dump after it costs tokens."""
MAX_UNIT_EVENTS = 60
"""Events of a unit that are sent; 60 lines of 400 characters are about 6,000 tokens, and what stands beside them 1,000
more at most."""
MAX_UNIT_QUANTITIES = 8
"""Quantities of an event that are sent."""
MAX_REASON_CHARS = 500


class UnitEvent(Struct, frozen=True, omit_defaults=True):
    """A distinct event of a unit. `id` counts the window's events from 1; `text` is redacted and cut.

    `duration` is the longest that a line of it names, `pause` the window's longest pause where this is the event before
    it, both in seconds; `quantities` are its greatest other magnitudes. What is not there is not sent.
    """

    id: int
    text: str
    count: int
    duration: float | None = None
    pause: float | None = None
    quantities: dict[str, float] = {}


class MissingEvent(Struct, frozen=True):
    """An event that a window lacks: its template, and in how many of the windows with the event beside it was."""

    text: str
    usual: str


class EventEvidence(Struct, frozen=True, omit_defaults=True):
    """Evidence on an event: its level, the windows before that had it, and what of it is unusual."""

    level: str = ""
    seen: int | None = None
    unusual_count: str = ""
    missing: tuple[MissingEvent, ...] = ()
    unusual_end: str = ""


class UnitEvidence(Struct, frozen=True, omit_defaults=True):
    """Evidence on a unit: that on each of its events, the number of windows before it, and its greatest deviation."""

    events: tuple[EventEvidence, ...]
    sessions_before: int = 0
    surprise: str = ""


class Difference(Struct, frozen=True):
    """An event that differs in number between a window and its neighbour."""

    text: str
    here: int
    there: int


class Neighbour(Struct, frozen=True):
    """A similar window that the teacher labelled before, with its reason, and the events whose counts differ."""

    similarity: float
    label: Literal["normal", "anomalous"]
    reason: str
    differs: tuple[Difference, ...] = ()


class UnitNames(Struct, frozen=True):
    """What pseudonyms are made of: the texts of a unit's events with e-mail and IP addresses, and the names in the
    header fields of the lines. It is never sent."""

    texts: tuple[str, ...]
    header: HeaderNames


class Unit(Struct, frozen=True):
    """A window to be labelled, with the description and the alert policy of its system.

    `evidence` and `neighbours` change with every window of the stream; all else is of the window."""

    system: str
    description: str
    policy: str
    events: tuple[UnitEvent, ...]
    evidence: UnitEvidence | None = None
    neighbours: tuple[Neighbour, ...] = ()
    names: UnitNames | None = None

    @property
    def alone(self) -> Unit:
        """The unit without what stands beside it."""
        return replace(self, evidence=None, neighbours=())


Units = Callable[[Sequence[Window]], list[Unit]]
"""Windows of one system to units, in their order."""


class EventVerdict(Struct, frozen=True):
    """The probability, 0 to 1, that an event by itself indicates an anomaly, and the reason."""

    id: int
    probability: float
    reason: str = ""


class Verdict(Struct, frozen=True):
    """The probability that a unit is anomalous, the teacher's confidence, the reason, and a verdict on each event."""

    probability: float
    confidence: float
    reason: str
    events: tuple[EventVerdict, ...]


class Teacher(Protocol):
    """Labels units. `name` identifies the teacher in every label that it gives."""

    name: str

    async def label(self, units: Sequence[Unit]) -> list[Verdict | TeacherError]:
        """A verdict or an error for each unit, in their order; never raises a `TeacherError` itself."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


@runtime_checkable
class StreamTeacher(Protocol):
    """A teacher whose verdicts depend on the windows of a system that it has counted so far.

    Its verdict on a window shape may change, and computing it again costs nothing."""

    async def label_windows(self, windows: Sequence[Window], own: bool = False) -> list[Verdict | TeacherError]:
        """A verdict on each window, in their order, from the windows counted before.

        :param own: these windows were counted themselves; each is left out of the counts for its own verdict.
        """


@runtime_checkable
class CachingTeacher(Protocol):
    """A teacher that gives a unit the answer that it had before, without a call."""

    def forget(self, units: Sequence[Unit]) -> None:
        """Drop the cached answers on these units."""


async def ask(
    teacher: Teacher,
    windows: Sequence[Window],
    system: SystemSettings,
    again: Sequence[Window] = (),
    units: Units | None = None,
) -> list[Verdict | TeacherError]:
    """A teacher's verdicts on windows of a system, in their order.

    :param again: those of them whose answer so far does not count: a cached one is not taken.
    :param units: makes the units; default: `unit_of` alone, without evidence.
    """
    if isinstance(teacher, StreamTeacher):
        return await teacher.label_windows(windows)
    if again and isinstance(teacher, CachingTeacher):
        teacher.forget([unit_of(window, system) for window in again])
    return await teacher.label(units(windows) if units else [unit_of(window, system) for window in windows])


def unit_of(window: Window, system: SystemSettings) -> Unit:
    """The unit of a window: at most `MAX_UNIT_EVENTS` events, each a redacted line of at most `MAX_EVENT_CHARS`."""
    chosen = chosen_places(window)
    shown = [(place, event) for place, event in enumerate(window.events) if place in chosen]
    events = tuple(
        unit_event(place + 1, event, window.pause.seconds if window.pause and window.pause.event == place else 0.0)
        for place, event in shown
    )
    lines = [event.example for _, event in shown]
    return Unit(window.system, system.description, system.policy, events, names=_names(lines, system))


def unit_event(id: int, event: WindowEvent, pause: float = 0.0, hide: Callable[[str], str] = redact) -> UnitEvent:
    """An event of a window as it is sent, with its values.

    :param pause: seconds of the window's longest pause, where it comes after this event.
    :param hide: what the text goes through.
    """
    return UnitEvent(
        id=id,
        text=clip(hide(event.example), MAX_EVENT_CHARS),
        count=event.count,
        duration=_rounded(event.duration) or None,
        pause=_rounded(pause) or None,
        quantities={name: _rounded(value) for name, value in islice(event.quantities.items(), MAX_UNIT_QUANTITIES)},
    )


def _rounded(value: float) -> float:
    """A value with six digits at most; a whole number without a decimal point."""
    short = float(f"{value:.6g}")
    return int(short) if short.is_integer() else short


def label_of(window: Window, verdict: Verdict, teacher: str, now: float) -> PseudoLabel:
    """The pseudo-label of a window from a teacher's verdict; an event that was not sent has no label in it.

    :param now: Unix time in seconds.
    """
    events = [_event_label(window.events[each.id - 1], each) for each in verdict.events]
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
    """The text cut to at most `limit` characters; a text that was cut ends with an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def chosen_places(window: Window) -> set[int]:
    """The indices of the events to send: the one least similar to the bank, then the most frequent ones."""
    foreign = window.route.least_similar_event if window.route else None
    order = sorted(
        range(len(window.events)),
        key=lambda place: (window.events[place].text != foreign, -window.events[place].count, place),
    )
    return set(order[:MAX_UNIT_EVENTS])


def _names(lines: Sequence[str], system: SystemSettings) -> UnitNames:
    header = dict.fromkeys(name for line in lines for name in header_names(line, system))
    return UnitNames(tuple(clip(redact(line, names=True), MAX_EVENT_CHARS) for line in lines), tuple(header))


def _event_label(event: WindowEvent, verdict: EventVerdict) -> EventLabel:
    return EventLabel(
        template=event.template,
        text=event.text,
        count=event.count,
        probability=verdict.probability,
        reason=verdict.reason,
    )
