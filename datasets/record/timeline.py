"""When things happen: a clock for one recording, arrivals of clients, slots for incidents, and all of it driven."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Item = TypeVar("Item")
World = TypeVar("World")
Act = Callable[[World, random.Random], None]
"""Something that is done to a world: an incident, or what a client does."""


@dataclass
class Clock:
    """Seconds since the recording began, of `total_s`."""

    total_s: float
    started: float = field(default_factory=time.monotonic)

    def now(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    def over(self) -> bool:
        """Whether the recording's time is up."""
        return self.now() >= self.total_s

    def sleep_until(self, moment_s: float) -> None:
        """Sleep until `moment_s` seconds after the start (returns at once if that is past)."""
        time.sleep(max(0.0, moment_s - self.now()))


def arrivals(rng: random.Random, rate: float, total_s: float) -> Iterator[float]:
    """Moments of Poisson arrivals, `rate` a second on the mean, busier in the middle of each third than at its edge."""
    moment = 0.0
    while moment < total_s:
        phase = (3 * moment / total_s) % 1.0
        moment += rng.expovariate(rate * (0.6 + 1.6 * phase * (1 - phase) * 1.5))
        yield moment


def slots(rng: random.Random, early: Sequence[Item], late: Sequence[Item], total_s: float) -> list[tuple[float, Item]]:
    """Spread shuffled `early` items over the first half and `late` ones over the second, as (moment, item)."""
    placed: list[tuple[float, Item]] = []
    for items, begin in ((list(early), 0.04), (list(late), 0.51)):
        rng.shuffle(items)
        width = 0.45 * total_s / len(items)
        placed += [(begin * total_s + (i + 0.3 * rng.random()) * width, item) for i, item in enumerate(items)]
    return placed


class Crew:
    """Threads of one recording, joined at its end; the first failure of one is kept."""

    def __init__(self) -> None:
        self._threads: list[threading.Thread] = []
        self.failures: list[BaseException] = []

    def start(self, work: Callable[[], None]) -> None:
        """Run `work` in a thread."""
        thread = threading.Thread(target=self._guard, args=(work,), daemon=True)
        self._threads.append(thread)
        thread.start()

    def join(self, within_s: float) -> None:
        """Wait for all of them, `within_s` seconds in all, and raise the first failure."""
        deadline = time.monotonic() + within_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self.check()

    def check(self) -> None:
        """Raise the first failure, if there is one."""
        if self.failures:
            raise self.failures[0]

    def _guard(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as failure:  # handed to join(), which raises it
            self.failures.append(failure)


@dataclass(frozen=True)
class Script(Generic[World]):
    """What happens in a recording of one system.

    :param early: incidents of the first half, `late` those of the second; each half is shuffled.
    :param arrive: one client's deed, in a thread of its own.
    :param rate: how many clients come, a second.
    :param calm_s: seconds at the end in which nothing new begins.
    """

    early: Sequence[Act[World]]
    late: Sequence[Act[World]]
    arrive: Act[World]
    rate: float
    calm_s: float = 10.0


def drive(script: Script[World], world: World, rng: random.Random, total_s: float, crew: Crew) -> None:
    """Play `script` for `total_s` seconds with the threads of `crew`, some of which may still be at work at the end.

    :raises Exception: the first failure of a thread.
    """
    clock = Clock(total_s)
    plan = slots(rng, script.early, script.late, total_s - script.calm_s)

    def strike() -> None:
        for moment, act in plan:
            clock.sleep_until(moment)
            act(world, rng)

    crew.start(strike)
    lots = random.Random(rng.random())
    for moment in arrivals(lots, script.rate, total_s - script.calm_s):
        clock.sleep_until(moment)
        crew.check()
        own = random.Random(lots.random())
        crew.start(lambda own=own: script.arrive(world, own))
    clock.sleep_until(total_s)
