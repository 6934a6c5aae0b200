"""Co-occurrence counts of a system's events in its unlabelled stream: by event, by pair of events, by last event."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta

from fusionlog.records import MAX_EVENTS as MOST_LINES
from fusionlog.records import Window

LEAST_WINDOWS = 10
"""Windows with an event below which nothing is known of it."""
COMPANION_SHARE = 0.9
"""Of the windows with an event, the share that another one must be in for its absence to be a deviation."""
MAX_EVENTS = 60
"""A window of more distinct events is not counted: its pairs alone would fill the memory."""
USUAL_STEP_SHARE = 0.5
"""Of the windows without an event, the share that another one must be in for its absence beside that event to count."""
MAX_TEMPLATES = 1_000
"""Templates counted, so a million pairs at most (100 MB); a window with a later one is not counted."""


Counted = Annotated[int, Meta(ge=0)]
"""A number of windows."""
PerTemplate = Meta(max_length=MAX_TEMPLATES)


class Deviation(NamedTuple):
    """A deviation of a window, found in `number` of the `of` comparable windows; of a pair, `of` is what is expected.

    `event` is the place of the deviating event in the window, `other` the template of the missing companion, or of the
    other event of a pair. A count is `high` where it is unusual for being so great.
    """

    kind: Literal["count", "missing", "pair", "last"]
    event: int
    number: int
    of: float
    other: str = ""
    high: bool = False

    @property
    def share(self) -> float:
        """The smoothed share of comparable windows with the deviation."""
        return (1 + self.number) / (self.of if self.kind == "pair" else 1 + self.of)


class Tables(NamedTuple):
    """The packed counts of some templates.

    For each template: windows by its number of lines, windows by companion (a place in `counts`), and windows that end
    with it. Each has a greatest length, which is checked before it is decoded."""

    windows: Counted
    counts: Annotated[dict[str, Annotated[dict[int, Counted], Meta(max_length=MOST_LINES)]], PerTemplate]
    companions: Annotated[list[Annotated[dict[int, Counted], PerTemplate]], PerTemplate]
    last: Annotated[list[Counted], PerTemplate]


class Cooccurrence:
    """Counts of windows by event, by pair of events and by last event. For one thread at a time."""

    def __init__(self) -> None:
        self.windows = 0
        self._in: Counter[str] = Counter()
        self._counts: dict[str, Counter[int]] = defaultdict(Counter)
        self._with: dict[str, Counter[str]] = defaultdict(Counter)
        self._last: Counter[str] = Counter()

    def update(self, window: Window, times: int = 1) -> None:
        """Count a window, or several of one shape; one with too many events, or beyond the cap, is left out."""
        templates = [event.template for event in window.events]
        if len(templates) > MAX_EVENTS or not self._has_room(templates):
            return
        self.windows += times
        for event in window.events:
            self._in[event.template] += times
            self._counts[event.template][event.count] += times
            companions = self._with[event.template]
            for template in templates:
                companions[template] += times
        if window.sequence:
            self._last[templates[window.sequence[-1]]] += times

    def deviations(self, window: Window, own: int = 0) -> Iterator[Deviation]:
        """The deviations of a window, each with the number of comparable windows that have it.

        A deviation is a count of an event as extreme, a missing companion, a pair that is rarer together than by
        chance, or a last event that seldom is the last.

        :param own: how often the window itself was counted; it is left out of what it is compared with.
        """
        own = own if self._is_counted(window) else 0
        known = [
            (place, event) for place, event in enumerate(window.events)
            if self._in[event.template] - own >= LEAST_WINDOWS
        ]  # fmt: skip
        present = {event.template for event in window.events}
        for place, event in known:
            seen = self._in[event.template] - own
            number, high = self._as_extreme(event.template, event.count)
            yield Deviation("count", place, max(0, number - own), seen, high=high)
            for companion, together in self._with[event.template].items():
                if companion not in present and together >= COMPANION_SHARE * seen:
                    yield Deviation("missing", place, max(0, seen - together), seen, companion)
        for index, (place, event) in enumerate(known):
            for _, other in known[:index]:
                pair = (self._in[event.template] - own) * (self._in[other.template] - own)
                expected = pair / (self.windows - own)
                together = max(0, self._with[event.template][other.template] - own)
                if expected > 1 + together:
                    yield Deviation("pair", place, together, expected, other.template)
        last = window.sequence[-1] if window.sequence else None
        if last is not None and self._in[window.events[last].template] - own >= LEAST_WINDOWS:
            template = window.events[last].template
            yield Deviation("last", last, max(0, self._last[template] - own), self._in[template] - own)

    def typical_count(self, template: str) -> int | None:
        """The number of lines of an event in a usual window with it: the lower median; None where it is in fewer than
        `LEAST_WINDOWS`."""
        counts = self._counts.get(template)
        if counts is None or (windows := sum(counts.values())) < LEAST_WINDOWS:
            return None
        until = accumulate(counts[number] for number in sorted(counts))
        return next(number for number, total in zip(sorted(counts), until, strict=True) if 2 * total >= windows)

    def risk_difference(self, template: str) -> float:
        """The greatest risk difference, over the usual steps, of missing the step in windows with an event, 0 to 1.

        P(no step | event) - P(no step | no event), of steps in `USUAL_STEP_SHARE` of the windows without the event.
        Near 0 where the next steps follow whether the event occurs or not; 0 where one side has too few windows.
        """
        seen = self._in[template]
        without = self.windows - seen
        if min(seen, without) < LEAST_WINDOWS:
            return 0.0
        together, greatest = self._with[template], 0.0
        for step, total in self._in.items():
            apart = (total - together[step]) / without
            if step != template and apart >= USUAL_STEP_SHARE:
                greatest = max(greatest, apart - (1 + together[step]) / (1 + seen))
        return greatest

    def tables(self, templates: int) -> Tables:
        """The counts of the most frequent templates, so many."""
        places = {template: place for place, (template, _) in enumerate(self._in.most_common(templates))}
        return Tables(
            windows=self.windows,
            counts={template: dict(self._counts[template]) for template in places},
            companions=[
                {places[other]: number for other, number in self._with[template].items() if other in places}
                for template in places
            ],
            last=[self._last[template] for template in places],
        )

    @classmethod
    def of(cls, tables: Tables) -> Cooccurrence:
        """The co-occurrences of packed tables.

        :raises ValueError: they are not of one length, or count more windows than there were.
        """
        found = cls()
        found.windows = tables.windows
        names = list(tables.counts)
        for template, counts in tables.counts.items():
            found._in[template] = sum(counts.values())
            found._counts[template] = Counter(counts)
        for template, companions, last in zip(names, tables.companions, tables.last, strict=True):
            found._with[template] = Counter({names[place]: number for place, number in companions.items()})
            found._last[template] = last
        if max([*found._in.values(), *found._last.values()], default=0) > found.windows:
            raise ValueError(f"an event is in more than all of its {found.windows} windows")
        return found

    def _as_extreme(self, template: str, count: int) -> tuple[int, bool]:
        """Windows with at least as many lines of an event, or at most as many, whichever are fewer; whether the former
        are."""
        counts = self._counts[template]
        more = sum(windows for number, windows in counts.items() if number >= count)
        fewer = sum(windows for number, windows in counts.items() if number <= count)
        return min(more, fewer), more < fewer

    def _is_counted(self, window: Window) -> bool:
        """Whether a window of this shape was counted when it came."""
        return len(window.events) <= MAX_EVENTS and all(event.template in self._in for event in window.events)

    def _has_room(self, templates: Sequence[str]) -> bool:
        return len(self._in) < MAX_TEMPLATES or all(template in self._in for template in templates)
