"""What is usual in a system, counted in its unlabelled stream, and how unusual a window is.

Every line of a window can be harmless and the window still wrong: a step is repeated, a step is missing, nothing comes
after the first line, two things meet that never meet. Each of these is a habit that is broken, and how firm the habit
was can be counted: the surprise of a window is that of its most surprising break, in orders of magnitude.
"""

from __future__ import annotations

import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from math import log10

import msgspec

from fusionlog.errors import ModelError
from fusionlog.records import Window

LEAST_WINDOWS = 10
"""An event seen in fewer windows has no habits yet."""
COMPANION = 0.9
"""Of the windows with an event, the share that another one must be in for its absence to mean anything."""
MAX_EVENTS = 60
"""A window of more distinct events is not counted: its pairs alone would fill the memory."""
USUAL_STEP = 0.5
"""Of the windows without an event, the share that another one must be in for its absence beside that event to count."""
MAX_TEMPLATES = 1_000
"""Habits are kept of so many events, a million pairs at most (100 MB); what is met later has none."""


PACKED_TEMPLATES = 500
"""A release carries the habits of so many events, the commonest: at most some hundred kB."""


class _Packed(msgspec.Struct, frozen=True):
    """Counts by template: windows by number of lines of it, windows by companion (a place in `counts`),
    windows that end with one."""

    windows: int
    counts: dict[str, dict[int, int]]
    companions: list[dict[int, int]]
    last: list[int]


class Habits:
    """Counts of the windows seen so far. For one thread at a time."""

    def __init__(self) -> None:
        self.windows = 0
        self._in: Counter[str] = Counter()
        self._counts: dict[str, Counter[int]] = defaultdict(Counter)
        self._with: dict[str, Counter[str]] = defaultdict(Counter)
        self._last: Counter[str] = Counter()

    def see(self, window: Window, times: int = 1) -> None:
        """Count a window, or several of one shape at once."""
        templates = [event.template for event in window.events]
        if len(templates) > MAX_EVENTS or not self._room(templates):
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

    def surprise(self, window: Window, own: int = 0) -> float:
        """-log10 of the share of windows, of those to compare with, that break a habit as this one does; the greatest.

        0 where nothing is unusual or nothing is known; 2 is one window in a hundred. Shares are (1 + k) / (1 + n), so
        that what never happened in ten windows surprises less than what never happened in a thousand.

        :param own: how often the window was seen itself, and is left out of what it is compared with.
        """
        return max((-log10(share) for share in self._shares(window, self._counted(window, own))), default=0.0)

    def consequence(self, template: str) -> float:
        """How much rarer a usual step is in the windows with an event than in those without it, 0 to 1; the greatest.

        Near 0 where a window goes on as ever whether it meets the event or not; 0 where one side has too few windows.
        """
        seen = self._in[template]
        without = self.windows - seen
        if min(seen, without) < LEAST_WINDOWS:
            return 0.0
        together, most = self._with[template], 0.0
        for step, total in self._in.items():
            apart = (total - together[step]) / without
            if step != template and apart >= USUAL_STEP:
                most = max(most, apart - (1 + together[step]) / (1 + seen))
        return most

    def rarities(self, window: Window, own: int = 0) -> list[float]:
        """-log10 of the share of windows that have an event, (1 + k) / (1 + n), of each event of a window.

        :param own: how often the window was seen itself, and is left out.
        """
        own = self._counted(window, own)
        windows = 1 + self.windows - own
        return [-log10((1 + self._in[event.template] - own) / windows) for event in window.events]

    @property
    def events(self) -> Mapping[str, int]:
        """In how many windows each event stood."""
        return self._in

    def become(self, other: Habits) -> None:
        """Take over what another one has counted."""
        self.windows, self._in, self._last = other.windows, other._in, other._last
        self._counts, self._with = other._counts, other._with

    def pack(self) -> bytes:
        """The counts of the commonest events, compressed."""
        places = {template: place for place, (template, _) in enumerate(self._in.most_common(PACKED_TEMPLATES))}
        packed = _Packed(
            windows=self.windows,
            counts={template: dict(self._counts[template]) for template in places},
            companions=[
                {places[other]: number for other, number in self._with[template].items() if other in places}
                for template in places
            ],
            last=[self._last[template] for template in places],
        )
        return zlib.compress(msgspec.msgpack.encode(packed))

    @classmethod
    def unpack(cls, data: bytes) -> Habits:
        """Habits that were packed.

        :raises ModelError: these bytes are none.
        """
        try:
            packed = msgspec.msgpack.decode(zlib.decompress(data), type=_Packed)
        except (zlib.error, msgspec.MsgspecError) as error:
            raise ModelError(f"the habits of a release cannot be read: {error}; distil it again") from error
        habits = cls()
        habits.windows = packed.windows
        names = list(packed.counts)
        for template, counts in packed.counts.items():
            habits._in[template] = sum(counts.values())
            habits._counts[template] = Counter(counts)
        for template, companions, last in zip(names, packed.companions, packed.last, strict=True):
            habits._with[template] = Counter({names[place]: number for place, number in companions.items()})
            habits._last[template] = last
        return habits

    def _shares(self, window: Window, own: int) -> Iterator[float]:
        known = [event for event in window.events if self._in[event.template] - own >= LEAST_WINDOWS]
        present = {event.template for event in window.events}
        for event in known:
            seen = self._in[event.template] - own
            yield (1 + self._as_extreme(event.template, event.count) - own) / (1 + seen)
            for companion, together in self._with[event.template].items():
                if companion not in present and together >= COMPANION * seen:
                    yield (1 + seen - together) / (1 + seen)
        for place, event in enumerate(known):
            for other in known[:place]:
                pair = (self._in[event.template] - own) * (self._in[other.template] - own)
                expected = pair / (self.windows - own)
                together = self._with[event.template][other.template] - own
                if expected > 1 + together:
                    yield (1 + together) / expected
        last = window.events[window.sequence[-1]].template if window.sequence else None
        if last is not None and self._in[last] - own >= LEAST_WINDOWS:
            yield (1 + self._last[last] - own) / (1 + self._in[last] - own)

    def _as_extreme(self, template: str, count: int) -> int:
        """Windows with at least as many lines of an event, or at most as many, whichever are fewer."""
        counts = self._counts[template]
        more = sum(windows for number, windows in counts.items() if number >= count)
        fewer = sum(windows for number, windows in counts.items() if number <= count)
        return min(more, fewer)

    def _counted(self, window: Window, own: int) -> int:
        """How often a window was counted that was seen so often: not at all where there are too many events."""
        counted = len(window.events) <= MAX_EVENTS and all(event.template in self._in for event in window.events)
        return own if counted else 0

    def _room(self, templates: list[str]) -> bool:
        return len(self._in) < MAX_TEMPLATES or all(template in self._in for template in templates)
