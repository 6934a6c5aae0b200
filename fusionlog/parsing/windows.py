"""Lines to windows: sessions by key, ended by an idle gap or a size limit, or a fixed number of lines.

Deterministic in the lines, their offsets and their times: a partition that is read again gives the same windows with
the same ids.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from math import inf

from fusionlog.errors import RecordError
from fusionlog.parsing.parser import EXAMPLE_CHARS, Event
from fusionlog.records import ClosedBy, Seconds, Window, WindowEvent, window_id, window_shape
from fusionlog.settings import WindowSettings

ALL = "*"
"""The one session that all lines are of where windows are by count."""
STALE_LINES = 1000
"""So many lines in a row that are all older than an idle gap: the clock before them was wrong, theirs is right."""


class EventClock:
    """The event time of a partition, in seconds, by the times of its lines: it starts at 0 and never goes back.

    A line older than the newest leaves it where it is: of two hosts that share a partition one may lag behind. But a
    single line from the far future must not stop it for good, so it follows the lines when all of them disagree.
    """

    def __init__(self, tolerance: float) -> None:
        self.now = 0.0
        self._tolerance = tolerance
        self._newest: Seconds | None = None
        self._stale = 0

    def observe(self, time: Seconds) -> float:
        """Advance the clock by a line of this time; return it."""
        if self._newest is not None and self._newest - time > self._tolerance:
            self._stale += 1
            if self._stale >= STALE_LINES:
                self._newest, self._stale = time, 0
            return self.now
        self._stale = 0
        return self.reach(time)

    def reach(self, time: Seconds) -> float:
        """Advance the clock to a time that another source gives; return it."""
        if self._newest is None or time > self._newest:
            self.now += 0.0 if self._newest is None else time - self._newest
            self._newest = time
        return self.now


@dataclass(slots=True)
class _Open:
    """An open window. `touched` is the event clock at its last line."""

    session: str
    first_offset: int
    last_offset: int
    started: Seconds
    ended: Seconds
    touched: float = 0.0
    places: dict[str, int] = field(default_factory=dict)
    events: list[tuple[str, str, str]] = field(default_factory=list)
    sequence: list[int] = field(default_factory=list)

    def add(self, event: Event, offset: int, time: Seconds, now: float) -> None:
        place = self.places.get(event.template)
        if place is None:
            place = self.places[event.template] = len(self.events)
            self.events.append((event.template, event.text, event.line[:EXAMPLE_CHARS]))
        self.sequence.append(place)
        self.last_offset, self.touched = offset, now
        if time > self.ended:
            self.ended = time
        elif time < self.started:
            self.started = time


class Windower:
    """Cuts the lines of one partition of a system's raw topic.

    An idle gap is measured on the partition's event clock: from a session's last line to the newest time seen.
    """

    def __init__(self, system: str, settings: WindowSettings, topic: str, partition: int) -> None:
        self._system, self._topic, self._partition = system, topic, partition
        self._settings = settings
        self._by_count = settings.by == "count"
        self._limit = settings.size if self._by_count else settings.max_events
        self._idle = inf if self._by_count else settings.idle_seconds
        self._longest_untouched = 0.0
        self._clock = EventClock(settings.idle_seconds)
        self._last_offset = -1
        self._lines = 0
        self._by_touch: OrderedDict[str, _Open] = OrderedDict()
        self._by_offset: OrderedDict[int, _Open] = OrderedDict()

    @property
    def first_open_offset(self) -> int | None:
        """The offset of the oldest line that is in no closed window; None where there is none."""
        return next(iter(self._by_offset), None)

    @property
    def open_lines(self) -> int:
        """Lines in windows that are not closed."""
        return self._lines

    def add(self, event: Event, offset: int, time: Seconds) -> list[Window]:
        """Take a line; the windows that this closes, its own among them or not.

        :raises RecordError: `no-session-key`: it has none, and windows are by session; `offset-order`: its offset is
            not greater than the last one. The line is in no window then.
        """
        session = ALL if self._by_count else event.session
        if not session or offset <= self._last_offset:
            raise self._refusal(session, offset)
        self._last_offset = offset
        now = self._clock.observe(time)
        closed = self._close_idle() if now - self._longest_untouched > self._idle else []
        window = self._by_touch.get(session) or self._open(session, offset, time)
        window.add(event, offset, time, now)
        self._by_touch.move_to_end(session)
        self._lines += 1
        if len(window.sequence) >= self._limit:
            closed.append(self._close(window, "count" if self._by_count else "size"))
        return closed

    def advance(self, watermark_time: Seconds) -> list[Window]:
        """Close and return the sessions that are idle at this watermark. Windows by count never are."""
        self._clock.reach(watermark_time)
        return self._close_idle()

    def flush(self) -> list[Window]:
        """Close and return all open windows, in the order of their first lines: at silence, or the end of data."""
        return [self._close(window, "silence") for window in list(self._by_offset.values())]

    def _refusal(self, session: str | None, offset: int) -> RecordError:
        place = f"{self._topic}/{self._partition}/{offset}"
        if not session:
            return RecordError("no-session-key", f"{place} has no session key")
        return RecordError("offset-order", f"{place} comes after offset {self._last_offset}")

    def _open(self, session: str, offset: int, time: Seconds) -> _Open:
        window = _Open(session, offset, offset, time, time)
        self._by_touch[session] = self._by_offset[offset] = window
        return window

    def _close_idle(self) -> list[Window]:
        """Close idle windows, the least recently touched first: the clock never goes back, so they stand in that order.

        None was touched before `_longest_untouched`, so that most lines need not look.
        """
        closed: list[Window] = []
        now = self._clock.now
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
        del self._by_offset[window.first_offset]
        self._lines -= len(window.sequence)
        counts = [0] * len(window.events)
        for place in window.sequence:
            counts[place] += 1
        events = [
            WindowEvent(template=template, text=text, example=example, count=count)
            for (template, text, example), count in zip(window.events, counts, strict=True)
        ]
        return Window(
            id=window_id(self._topic, self._partition, window.first_offset, window.last_offset),
            system=self._system,
            session=f"{self._partition}-{window.first_offset}" if self._by_count else window.session,
            shape=window_shape((event.template, event.count) for event in events),
            topic=self._topic,
            partition=self._partition,
            first_offset=window.first_offset,
            last_offset=window.last_offset,
            started=window.started,
            ended=window.ended,
            closed_by=closed_by,
            events=events,
            sequence=window.sequence,
        )
