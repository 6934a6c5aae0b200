"""The usual ranges of the values that a system's events name: durations, sizes, retries, by event and name.

A value is counted by its half decade. It deviates where it is three times as great as what nine of ten windows with the
event have, or a third of it; no duration is too short.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from math import floor, log10
from typing import Annotated, NamedTuple

from msgspec import Meta

from fusionlog.records import Window, WindowEvent

DURATION = "duration"
"""The name of an event's longest duration among its values."""
LEAST_WINDOWS = 10
"""Windows with a value below which no range is known of it."""
USUAL_SHARE = 0.9
"""Of the windows with a value, the share that has a usual one, at most or at least."""
MAX_SERIES = 2_000
"""Pairs of an event and a name that are counted: some MB at most; a later one is not."""
_STEPS = 2
"""Classes of a decade."""
_APART = 2
"""Classes that a value must be beyond the usual ones: a factor of 3.2 at least."""
_ZERO, _LEAST, _GREATEST = -100, -18, 40

Series = tuple[str, str]
"""The template of an event, and the name of a value."""


class UnusualValue(NamedTuple):
    """A value that deviates: its smoothed share among the windows, its event, name and size, the limit of usual ones.

    `is_above`: the usual values are below the limit, else above it.
    """

    share: float
    event: WindowEvent
    name: str
    value: float
    limit: float
    is_above: bool

    @property
    def phrase(self) -> str:
        """The value as a phrase of a reason: `its duration 3.9 s, usually below 0.1 s`."""
        shown = _seconds if self.name == DURATION else _number
        usual = "0" if not self.limit else f"{'below' if self.is_above else 'above'} {shown(self.limit)}"
        return f"its {self.name} {shown(self.value)}, usually {usual}"


Table = tuple[str, str, Annotated[dict[int, Annotated[int, Meta(ge=0)]], Meta(max_length=_GREATEST - _ZERO)]]
"""The packed counts of a series: its template and name, and windows by class."""


class ValueRanges:
    """Counts of windows by the class of a value. For one thread at a time."""

    def __init__(self) -> None:
        self._counts: dict[Series, Counter[int]] = {}
        self._totals: Counter[Series] = Counter()

    def update(self, window: Window, times: int = 1) -> None:
        """Count the values of a window."""
        for event in _with_values(window):
            for name, value in values_of(event):
                series = event.template, name
                counts = self._counts.get(series)
                if counts is None:
                    if len(self._counts) >= MAX_SERIES:
                        continue
                    counts = self._counts[series] = Counter()
                counts[_class(value)] += times
                self._totals[series] += times

    def deviations(self, window: Window, own: int = 0) -> Iterator[UnusualValue]:
        """The values of a window that are unusual.

        :param own: how often the window itself was counted; it is left out of what it is compared with.
        """
        for event in _with_values(window):
            for name, value in values_of(event):
                series, place = (event.template, name), _class(value)
                counts = self._counts.get(series)
                if counts is None or counts[place] > (1 - USUAL_SHARE) * self._totals[series] + own:
                    continue  # a class of many windows is a usual one: the hot path
                found = _deviation(counts, place, own, name != DURATION)
                if found is not None:
                    yield UnusualValue(found.share, event, name, value, found.limit, found.is_above)

    def tables(self, templates: Mapping[str, object], series: int) -> list[Table]:
        """The counts of the series of some templates, of so many at most: those of the most windows."""
        kept = [(key, counts) for key, counts in self._counts.items() if key[0] in templates]
        kept.sort(key=lambda each: (-each[1].total(), each[0]))
        return [(template, name, dict(counts)) for (template, name), counts in kept[:series]]

    @classmethod
    def of(cls, tables: list[Table]) -> ValueRanges:
        """The ranges of packed tables."""
        found = cls()
        found._counts = {(template, name): Counter(counts) for template, name, counts in tables}
        found._totals = Counter({series: counts.total() for series, counts in found._counts.items()})
        return found


class _Deviation(NamedTuple):
    share: float
    limit: float
    is_above: bool


def _with_values(window: Window) -> list[WindowEvent]:
    return [event for event in window.events if event.duration or event.quantities]


def values_of(event: WindowEvent) -> Iterator[tuple[str, float]]:
    """The values that an event names, by their names."""
    if event.duration:
        yield DURATION, event.duration
    yield from event.quantities.items()


def _deviation(counts: Mapping[int, int], place: int, own: int, both: bool) -> _Deviation | None:
    """The deviation of a value of a class, None where it is usual; too small ones count where `both`."""
    seen = {number: windows - own * (number == place) for number, windows in counts.items()}
    total = sum(seen.values())
    if total < LEAST_WINDOWS:
        return None
    greatest = _usual(seen, total, ascending=True)
    if place >= greatest + _APART:
        above = sum(windows for number, windows in seen.items() if number >= place)
        return _Deviation((1 + above) / (1 + total), _edge(greatest + 1), True)
    least = _usual(seen, total, ascending=False)
    if both and place <= least - _APART:
        below = sum(windows for number, windows in seen.items() if number <= place)
        return _Deviation((1 + below) / (1 + total), _edge(least), False)
    return None


def _usual(seen: Mapping[int, int], total: int, ascending: bool) -> int:
    """The class up to which, or from which on, nine of ten windows have their value."""
    windows = 0
    for number in sorted(seen, reverse=not ascending):
        windows += seen[number]
        if windows >= USUAL_SHARE * total:
            return number
    raise AssertionError("the windows of all classes are all windows")


def _class(value: float) -> int:
    """The half decade of a value; values below a nanosecond, and zero, are one class."""
    if not value > 0:
        return _ZERO
    return max(_LEAST, floor(_STEPS * log10(value))) if value < _edge(_GREATEST) else _GREATEST


def _edge(number: int) -> float:
    """The least value of a class."""
    return 0.0 if number <= _LEAST else 10 ** (number / _STEPS)


def _seconds(seconds: float) -> str:
    """A duration with its unit: `192 s`, `3.9 s`, `32 ms`."""
    return f"{_number(seconds)} s" if seconds >= 0.1 else f"{_number(1000 * seconds)} ms"


def _number(value: float) -> str:
    """A number to read: three digits, or a whole one."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}"
