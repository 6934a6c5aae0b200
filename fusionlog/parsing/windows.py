"""Lines to windows: sessions by key, ended by an idle gap, a size limit or a limit of open ones, or a fixed number of
lines.

A line's position is the offset of its record and its index in the record, of several pieces that of the first one. A
line of several sessions is in a window of each. Deterministic in the lines, their positions and their times: a
partition that is read again gives the same windows with the same ids.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple

from fusionlog.errors import RecordError
from fusionlog.parsing.envelopes.places import NOWHERE, LinePlace
from fusionlog.parsing.event_clock import CONFIRMING_LINES, CONTRADICTING_LINES, EventClock
from fusionlog.parsing.magnitudes import Magnitudes, Pauses
from fusionlog.parsing.open_limits import OpenLimits
from fusionlog.parsing.parser import Event, example_of
from fusionlog.records import MAX_PLACES, ClosedBy, Longest, Seconds, Window, WindowEvent, window_id, window_shape
from fusionlog.settings import MAX_OPEN_SESSIONS, WindowSettings
from fusionlog.types import Position

ALL = "*"
"""The one session that all lines are of where windows are by count."""


class Membership(NamedTuple):
    """What is special about a line in a window: the position of the line that gave it its session key, and whether the
    window counts it, which another one may do, as one of its other sessions."""

    anchor: Position
    counted: bool = True


class Share(NamedTuple):
    """What a window accounts for: lines of which it is the first window, memberships (a line in a session), and the
    first position that must be read again if the window is lost."""

    lines: int
    memberships: int
    anchor: Position


class _Waiting(NamedTuple):
    """A line that waits for evidence of its time; without an event it is in no window and moves the clock alone."""

    event: Event | None
    position: Position
    time: Seconds
    membership: Membership | None
    stated: Seconds | None = None
    place: LinePlace = NOWHERE


@dataclass(slots=True)
class _Open:
    """An open window. `touched` is the event clock at its last line."""

    session: str
    first: Position
    last: Position
    started: Seconds
    ended: Seconds
    anchor: Position
    limits: OpenLimits
    touched: float = 0.0
    uncounted: int = 0
    places: dict[str, int] = field(default_factory=dict)
    events: list[tuple[str, str, str]] = field(default_factory=list)
    sequence: list[int] = field(default_factory=list)
    magnitudes: Magnitudes | None = None
    pauses: Pauses | None = None
    line_places: tuple[LinePlace, ...] = ()

    def add(self, event: Event, position: Position, time: Seconds, now: float, stated: Seconds | None) -> None:
        place = self.places.get(event.template)
        if place is None:
            place = self.places[event.template] = len(self.events)
            self.events.append((event.template, event.text, example_of(event.line)))
            self.limits.add_event()
        self.sequence.append(place)
        self.last, self.touched = position, now
        if time > self.ended:
            self.ended = time
        elif time < self.started:
            self.started = time
        if event.duration or event.quantities:
            self.magnitudes = self.magnitudes or Magnitudes()
            self.magnitudes.add(place, event)
        if stated is not None:
            self.pauses = self.pauses or Pauses(stated, place)
            self.pauses.add(place, stated)

    def note_place(self, place: LinePlace) -> None:
        """Note the host and the file of the line that was added."""
        if len(self.line_places) < MAX_PLACES and place not in self.line_places:
            self.line_places += (place,)

    def note(self, membership: Membership) -> None:
        """Note what is special about the line that was added."""
        self.anchor = min(self.anchor, membership.anchor)
        self.uncounted += not membership.counted


class Windower:
    """Cuts the lines of one partition of a system's raw topic.

    An idle gap is measured on the partition's event clock: from a session's last line to the newest time seen. Lines
    behind one whose time needs evidence wait with it, six at most.

    :param max_open: sessions that are open at once (see `OpenLimits`).
    """

    def __init__(
        self, system: str, settings: WindowSettings, topic: str, partition: int, max_open: int = MAX_OPEN_SESSIONS
    ) -> None:
        self._system, self._topic, self._partition = system, topic, partition
        self._settings = settings
        self._by_count = settings.by == "count"
        self._limit = settings.size if self._by_count else settings.max_events
        self._idle = inf if self._by_count else settings.idle_seconds
        self._longest_untouched = 0.0
        self.clock = EventClock(self._idle)
        self._last = (-1, 0)
        self._waiting: deque[_Waiting] = deque()
        self._by_touch: OrderedDict[str, _Open] = OrderedDict()
        self._by_first: OrderedDict[tuple[Position, str], _Open] = OrderedDict()
        self._shares: dict[str, Share] = {}
        self.outliers = 0
        """Lines whose time others contradicted."""
        self.shared = 0
        """Memberships of lines in other sessions than their first."""
        self.overflowed = 0
        """Sessions closed because too many were open, since it was set to 0."""
        self._limits = OpenLimits(inf if self._by_count else max_open)
        self.in_hand: Position | None = None
        """The line that waited, in hand now."""

    @property
    def first_open(self) -> Position | None:
        """The position of the oldest line that is in no closed window; None where there is none."""
        first = next(iter(self._by_first), None)
        if first is not None:
            return first[0]
        return self.first_waiting

    @property
    def first_waiting(self) -> Position | None:
        """The position of the first line that waits for evidence of its time."""
        return next((each.position for each in self._waiting if each.event is not None), None)

    @property
    def first_anchor(self) -> Position | None:
        """The first position that open windows depend on: that of their first line, or of a line that gave a key."""
        anchors = [window.anchor for window in self._by_first.values()]
        waiting = [each.membership.anchor if each.membership else each.position for each in self._waiting if each.event]
        return min(anchors + waiting, default=None)

    @property
    def idle(self) -> bool:
        """Whether no window is open and no line waits."""
        return not self._by_first and not self._waiting

    def begins_at(self, offset: int) -> bool:
        """Whether an open window begins with a line of this record."""
        return any(first[0] == offset for first, _ in self._by_first)

    def share(self, window: Window) -> Share:
        """What a closed window accounts for; to be asked once."""
        lines = len(window.sequence)
        return self._shares.pop(window.id, None) or Share(lines, lines, (window.first_offset, window.first_index))

    def add(
        self, event: Event, position: Position, time: Seconds, membership: Membership | None = None,
        decided: bool = False, stated: Seconds | None = None, place: LinePlace = NOWHERE,
    ) -> list[Window]:  # fmt: skip
        """Take a line; the windows that this closes, its own among them or not.

        :param time: of the line, Kafka's where it has none of its own.
        :param membership: what is special about the line.
        :param stated: the time that the line or its envelope has, by which pauses are measured; None: it has none.
        :param place: the host and the file of the line, by its envelope.
        :param decided: whether the line waited and its time is clear now.
        :raises RecordError: `no-session-key`: it has none, and windows are by session; `offset-order`: its position is
            not greater than the last one. The line is in no window then.
        """
        clock = self.clock
        if not decided:
            if position <= self._last or not (event.session or self._by_count):
                raise self._refusal(position)
            self._last = position
            if time > clock.limit or self._waiting:
                self._waiting.append(_Waiting(event, position, time, membership, stated, place))
                return self._decide()
        now = clock.observe(time)
        closed = self._close_idle() if now - self._longest_untouched > self._idle else []
        session = ALL if self._by_count else event.session or ""
        window = self._by_touch.get(session) or self._open(session, position, time)
        window.add(event, position, time, now, stated)
        if membership is not None:
            window.note(membership)
        if place is not NOWHERE:
            window.note_place(place)
        self._by_touch.move_to_end(session)
        if len(window.sequence) >= self._limit:
            closed.append(self._close(window, "count" if self._by_count else "size"))
        if event.more and not self._by_count:
            closed += self._add_to_others(event, position, time, membership, stated, place)
        if position[0] > self._limits.due:
            closed += self._close_beyond(position[0])
        return closed

    def advance(self, time: Seconds) -> list[Window]:
        """Take the time of a line that is in no window; the windows that this closes."""
        if time > self.clock.limit or self._waiting:
            self._waiting.append(_Waiting(None, self._last, time, None))
            return self._decide()
        self.clock.observe(time)
        return self._close_idle()

    def flush(self) -> list[Window]:
        """Close and return all open windows, in the order of their first lines: at silence, or the end of data."""
        closed = self._decide(last=True)
        return closed + [self._close(window, "silence") for window in list(self._by_first.values())]

    def _add_to_others(
        self, event: Event, position: Position, time: Seconds, membership: Membership | None, stated: Seconds | None,
        place: LinePlace,
    ) -> list[Window]:  # fmt: skip
        """Add a line to the windows of its other sessions."""
        closed = []
        other = Membership(membership.anchor if membership else position, counted=False)
        for session in event.more:
            window = self._by_touch.get(session) or self._open(session, position, time)
            window.add(event, position, time, self.clock.now, stated)
            window.note(other)
            if place is not NOWHERE:
                window.note_place(place)
            self._by_touch.move_to_end(session)
            if len(window.sequence) >= self._limit:
                closed.append(self._close(window, "size"))
        self.shared += len(event.more)
        return closed

    def _decide(self, last: bool = False) -> list[Window]:
        """Take the waiting lines whose time is clear now; with `last`, all of them."""
        closed: list[Window] = []
        while self._waiting:
            limit = self.clock.limit
            ahead = [each.time for each in self._waiting if each.time > limit]
            behind = len(self._waiting) - len(ahead)
            if self._waiting[0].time <= limit:
                closed += self._take(self._waiting.popleft())
            elif behind >= CONTRADICTING_LINES or (last and len(ahead) <= behind):
                self.outliers += 1
                outlier, newest = self._waiting.popleft(), self.clock.newest
                closed += self._take(outlier._replace(time=outlier.time if newest is None else newest, stated=None))
            elif len(ahead) >= CONFIRMING_LINES or last:
                self.clock.jump(min(ahead))
                closed += self._close_idle()
            else:
                break
        return closed

    def _take(self, line: _Waiting) -> list[Window]:
        if line.event is not None:
            self.in_hand = line.position
            closed = self.add(line.event, line.position, line.time, line.membership, True, line.stated, line.place)
            self.in_hand = None
            return closed
        self.clock.observe(line.time)
        return self._close_idle()

    def _refusal(self, position: Position) -> RecordError:
        place = f"{self._topic}/{self._partition}/{_shown(position)}"
        if position > self._last:
            return RecordError("no-session-key", f"{place} has no session key")
        return RecordError("offset-order", f"{place} comes after offset {_shown(self._last)}")

    def _open(self, session: str, position: Position, time: Seconds) -> _Open:
        window = _Open(session, position, position, time, time, position, self._limits)
        self._by_touch[session] = self._by_first[position, session] = window
        self._limits.open(position[0], session)
        return window

    def _close_beyond(self, offset: int) -> list[Window]:
        """Close windows beyond the limits: those that no line was added to for longest, and those that began too long
        ago."""
        limits, closed = self._limits, list[Window]()
        while limits.exceeded:
            closed.append(self._close(next(iter(self._by_touch.values())), "overflow"))
        while self._by_first and limits.is_old(next(iter(self._by_first))[0][0], offset):
            closed.append(self._close(next(iter(self._by_first.values())), "overflow"))
        self.overflowed += len(closed)
        first = next(iter(self._by_first), None)
        limits.settle(offset if first is None else first[0][0])
        return closed

    def _close_idle(self) -> list[Window]:
        """Close idle windows, the least recently touched first: the clock never goes back, so they stand in that order.

        None was touched before `_longest_untouched`, so that most lines need not look.
        """
        closed: list[Window] = []
        now = self.clock.now
        while self._by_touch:
            window = next(iter(self._by_touch.values()))
            if now - window.touched <= self._idle:
                self._longest_untouched = window.touched
                return closed
            closed.append(self._close(window, "idle"))
        self._longest_untouched = now
        return closed

    def _close(self, window: _Open, closed_by: ClosedBy) -> Window:
        del self._by_touch[window.session]
        del self._by_first[window.first, window.session]
        self._limits.close(window.session, len(window.events))
        counts = [0] * len(window.events)
        for place in window.sequence:
            counts[place] += 1
        events = _events(window, counts)
        duration = window.magnitudes.longest if window.magnitudes else None
        pause = window.pauses.longest if window.pauses else None
        session = self._name(window.first) if self._by_count else window.session
        id = window_id(self._topic, self._partition, window.first, window.last, session)
        if window.uncounted or window.anchor != window.first:
            lines = len(window.sequence)
            self._shares[id] = Share(lines - window.uncounted, lines, window.anchor)
        return Window(
            id=id,
            system=self._system,
            session=session,
            shape=window_shape(
                ((event.template, event.count) for event in events), _timed(events, duration), _timed(events, pause)
            ),
            topic=self._topic,
            partition=self._partition,
            first_offset=window.first[0],
            last_offset=window.last[0],
            first_index=window.first[1],
            last_index=window.last[1],
            started=window.started,
            ended=window.ended,
            closed_by=closed_by,
            events=events,
            sequence=window.sequence,
            duration=duration,
            pause=pause,
            own_times=window.pauses is not None,
            hosts=_names(place.host for place in window.line_places),
            files=_names(place.file for place in window.line_places),
        )

    def _name(self, first: Position) -> str:
        """The session of a window by count: its partition and first position."""
        return f"{self._partition}-{_shown(first)}"


def _events(window: _Open, counts: Sequence[int]) -> list[WindowEvent]:
    """The events of a closed window."""
    numbered = zip(window.events, counts, strict=True)
    if window.magnitudes is None:
        return [
            WindowEvent(template=template, text=text, example=example, count=count)
            for (template, text, example), count in numbered
        ]
    return [window.magnitudes.event(place, *event, count) for place, (event, count) in enumerate(numbered)]


def _timed(events: Sequence[WindowEvent], longest: Longest | None) -> tuple[str, Seconds] | None:
    """The template and the seconds of a window's longest duration or pause."""
    return None if longest is None else (events[longest.event].template, longest.seconds)


def _names(names: Iterable[str]) -> list[str]:
    """The distinct names that are not empty, in order."""
    return [name for name in dict.fromkeys(names) if name]


def _shown(position: Position) -> str:
    """An offset, with the index in its record where that is not the first."""
    return f"{position[0]}.{position[1]}" if position[1] else f"{position[0]}"
