"""The magnitudes of an open window: by event its longest duration and greatest quantities, and the longest pause."""

from __future__ import annotations

from dataclasses import dataclass, field

from fusionlog.parsing.parser import Event, example_of
from fusionlog.parsing.quantities import MAX_QUANTITIES
from fusionlog.records import LEAST_DURATION, LEAST_PAUSE, Longest, Seconds, WindowEvent


@dataclass(slots=True)
class Magnitudes:
    """Of each event of a window, by its place: the longest duration, a line that has it, the greatest quantities."""

    durations: dict[int, Seconds] = field(default_factory=dict)
    examples: dict[int, str] = field(default_factory=dict)
    quantities: dict[int, dict[str, float]] = field(default_factory=dict)

    def add(self, place: int, event: Event) -> None:
        """Take the magnitudes of a line."""
        duration, quantities = event.duration, event.quantities
        if duration and duration > self.durations.get(place, 0.0):
            self.durations[place] = duration
            if duration >= LEAST_DURATION:
                self.examples[place] = example_of(event.line)
        if quantities:
            greatest = self.quantities.get(place)
            if greatest is None:
                self.quantities[place] = dict(quantities)
                return
            for name, value in quantities:
                if value > greatest.get(name, -1.0) and (name in greatest or len(greatest) < MAX_QUANTITIES):
                    greatest[name] = value

    def event(self, place: int, template: str, text: str, example: str, count: int) -> WindowEvent:
        """A closed window's event with its magnitudes."""
        return WindowEvent(
            template=template,
            text=text,
            example=self.examples.get(place, example),
            count=count,
            duration=self.durations.get(place, 0.0),
            quantities=self.quantities.get(place, {}),
        )

    @property
    def longest(self) -> Longest | None:
        """The longest duration of the window, where it is a second at least; of equal ones that of the first event."""
        place = max(self.durations, key=lambda place: (self.durations[place], -place), default=None)
        if place is None or self.durations[place] < LEAST_DURATION:
            return None
        return Longest(seconds=self.durations[place], event=place)


@dataclass(slots=True)
class Pauses:
    """The longest pause of a window, between lines with a time of their own. Lines that lag behind end none."""

    latest: Seconds
    place: int
    seconds: Seconds = 0.0
    after: int = 0

    def add(self, place: int, time: Seconds) -> None:
        """Take the time of a line, and the place of its event."""
        if time < self.latest:
            return
        if time - self.latest > self.seconds:
            self.seconds, self.after = time - self.latest, self.place
        self.latest, self.place = time, place

    @property
    def longest(self) -> Longest | None:
        """The longest pause, to the millisecond, where it is ten seconds at least, and the event before it."""
        seconds = round(self.seconds, 3)  # times since 1970 are exact to a microsecond at best
        return Longest(seconds=seconds, event=self.after) if seconds >= LEAST_PAUSE else None
