"""What an operator must know of a system's lines: how many were read, and when too many of them are of no use.

Counts are compared once 1,000 lines have come, and then each minute.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from fusionlog.errors import RecordError
from fusionlog.parsing.templates import WILDCARD
from fusionlog.records import Window
from fusionlog.settings import SystemSettings
from fusionlog.utils.expression_limit import SlowExpression
from fusionlog.workers.ingest.tally import Batch

FIRST_LINES = 1000
PERIOD_SECONDS = 60.0
UNMATCHED_SHARE = 0.5
USELESS_SHARE = 0.05
"""More lines than this without a session key, or on the dead-letter topic, are a fault of the settings."""
IMPLAUSIBLE_SHARE = 0.05
ONE_EVENT_SHARE = 0.9
"""More lines than this of one event are a log in which all lines are equal; each such event is logged once."""
ONE_EVENT_LINES = 100
EXAMPLE_CHARS = 120


@dataclass
class Counts:
    """The lines of a period by what became of them, and the windows and dead letters made."""

    lines: int = 0
    windows: int = 0
    dropped: int = 0
    dead: int = 0
    unmatched: int = 0
    unmined: int = 0
    implausible: int = 0
    overflowed: int = 0
    slow: int = 0
    in_windows: int = 0
    leading: int = 0
    """Those in windows that have the most frequent event."""

    def add(self, other: Counts) -> None:
        """Add other counts."""
        for each in fields(Counts):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))


@dataclass(frozen=True)
class Examples:
    """A line without a session key, one that does not match the header, why a line is a dead letter, a masked line that
    got the catch-all event, why an expression was ended, and the most frequent event, where its share is news."""

    keyless: str = ""
    unmatched: str = ""
    dead: str = ""
    unmined: str = ""
    slow: str = ""
    leading: str = ""


class LineReport:
    """The lines of one system, in all partitions of a worker."""

    def __init__(self, system: str, settings: SystemSettings, now: float = 0.0) -> None:
        self.system, self._settings = system, settings
        self.keyless = self.unmatched = self.unmined = self._dead_as = self._slow = ""
        self._counts, self._total = Counts(), Counts()
        self._began: float | None = None
        self._events: dict[str, int] = {}
        self._texts: dict[str, str] = {}
        self._frequent: set[str] = set()
        """The events whose share was logged."""

    def dead(self, error: RecordError) -> None:
        """Note a dead letter."""
        self._counts.dead += 1
        self._dead_as = str(error)
        if isinstance(error, SlowExpression):
            self._counts.slow += 1
            self._slow = error.detail

    def add(self, batch: Batch, made: Sequence[object] = ()) -> None:
        """Note a batch of lines, and the windows that it closed, among what else was made of it."""
        counts = self._counts
        counts.lines += batch.lines
        for window in made:
            if isinstance(window, Window):
                counts.windows += 1
                self._count_events(window)
        counts.dropped += batch.dropped
        counts.unmatched += batch.unmatched
        counts.unmined += batch.unmined
        counts.implausible += batch.implausible
        counts.overflowed += batch.overflowed

    def due(self, now: float) -> tuple[list[str], str | None]:
        """Warnings, and a summary where one is due: after the first lines, then each minute that has any.

        :param now: seconds of a clock that never goes back.
        """
        counts = self._counts
        if self._began is None:
            self._began = now
        first = not self._total.lines and counts.lines >= FIRST_LINES
        if not first and (now - self._began < PERIOD_SECONDS or not (counts.lines or counts.overflowed)):
            return [], None
        self._total.add(counts)
        leading = self._take_leading(counts)
        self._counts, self._began = Counts(), now
        examples = Examples(self.keyless, self.unmatched, self._dead_as, self.unmined, self._slow, leading)
        return warnings(self.system, self._settings, counts, examples), summary(
            self.system, counts, self._total, examples
        )

    def _count_events(self, window: Window) -> None:
        events = self._events
        for event in window.events:
            before = events.get(event.template)
            if before is None:
                self._texts[event.template] = event.text
                before = 0
            events[event.template] = before + event.count

    def _take_leading(self, counts: Counts) -> str:
        """Put the most frequent event into the counts; its text, where its share was not logged before."""
        template = max(self._events, key=self._events.__getitem__, default="")
        counts.leading, counts.in_windows = self._events.get(template, 0), sum(self._events.values())
        text = "" if template in self._frequent else self._texts.get(template, "")
        if is_one_event(counts):
            self._frequent.add(template)
        self._events.clear()
        self._texts.clear()
        return text


def is_one_event(counts: Counts) -> bool:
    """Whether nearly all lines in windows are one event."""
    return counts.in_windows >= ONE_EVENT_LINES and counts.leading > ONE_EVENT_SHARE * counts.in_windows


def warnings(system: str, settings: SystemSettings, counts: Counts, examples: Examples) -> list[str]:
    """A sentence for each kind of line of which there are too many."""
    lines = counts.lines
    found = []
    if counts.dropped > USELESS_SHARE * lines:
        found.append(
            f"{system}: {counts.dropped} of {lines} lines have no session key (session: {settings.session}), "
            f"e.g. {_short(examples.keyless)}; correct `session`, or set `inherit: true` if they follow a line with one"
        )
    if counts.unmatched > UNMATCHED_SHARE * lines:
        found.append(
            f"{system}: {counts.unmatched} of {lines} lines do not match the header, "
            f"e.g. {_short(examples.unmatched)}; correct `header`, `header_regex` or `format`"
        )
    if counts.dead > USELESS_SHARE * lines:
        found.append(f"{system}: {counts.dead} of {lines} lines are dead letters, e.g. {_short(examples.dead)}")
    if examples.leading and is_one_event(counts):
        found.append(
            f"{system}: {counts.leading} of {counts.in_windows} lines in windows are one event, "
            f"{_short(examples.leading)}: name what distinguishes them in `keep`, correct `header` or `masks`, or let "
            "the shipper leave them out"
        )
    if counts.unmined:
        found.append(
            f"{system}: {counts.unmined} of {lines} lines have the catch-all event {WILDCARD}, for too many templates "
            f"are new, e.g. {_short(examples.unmined)}; set `masks` for what varies in them, `header` or `format` if a "
            f"header is part of them, or raise FUSIONLOG_INGEST__NEW_TEMPLATES"
        )
    if counts.implausible > IMPLAUSIBLE_SHARE * lines:
        found.append(
            f"{system}: {counts.implausible} of {lines} lines have a time that cannot be theirs, so Kafka's is used; "
            f"correct `time_field` or `timezone`, or set `time_field: none`"
        )
    if counts.slow:
        found.append(
            f"{system}: {counts.slow} lines are dead letters, for an expression took too long: {examples.slow}"
        )
    if counts.overflowed:
        found.append(
            f"{system}: {counts.overflowed} sessions were closed early, for too many were open in a partition; let "
            f"`session` match a value that its lines share, lower window.idle_seconds "
            f"({settings.window.idle_seconds:g}), or raise FUSIONLOG_INGEST__MAX_OPEN_SESSIONS"
        )
    return found


def summary(system: str, counts: Counts, total: Counts, examples: Examples) -> str:
    """The lines of a period, with an example of those that are in no window, and of all periods."""
    keyless = f" (e.g. {_short(examples.keyless)})" if counts.dropped and examples.keyless else ""
    dead = f" (e.g. {_short(examples.dead)})" if counts.dead and examples.dead else ""
    return (
        f"{system}: {counts.lines} lines, {counts.windows} windows, "
        f"{counts.dropped} lines without a session key{keyless}, {counts.dead} dead letters{dead}, "
        f"{counts.unmatched} lines that do not match the header{_matched(counts)} "
        f"({total.lines} lines since the start)"
    )


def _matched(counts: Counts) -> str:
    """The share of lines that match the header, rounded down: 100 % is all of them."""
    matching = max(0, counts.lines - counts.unmatched)
    return f", {100 * matching // counts.lines} % match it" if counts.lines else ""


def _short(text: str) -> str:
    return repr(text if len(text) <= EXAMPLE_CHARS else f"{text[:EXAMPLE_CHARS]}...")
