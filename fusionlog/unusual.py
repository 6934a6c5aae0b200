"""How unusual a window is in its system, in orders of magnitude, beyond what chance makes of its length.

Of many events one is sooner rare, and of many habits one sooner broken. So the rarity of an event counts beyond that of
the rarest among as many by chance, the surprise of a window beyond that of as many habits, and a failure beyond what
stands around it: among things as rare it is part of some seldom work.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum, log10
from typing import NamedTuple

from fusionlog.habits import Habits
from fusionlog.labeling.polarity import failing
from fusionlog.records import Window

ROUTINE = log10(2)
"""A failure in half of the windows is routine."""
INDEPENDENT = 0.5
"""Of n events n to this power may break a habit independently of each other: where one step is missing the next one
is, too. The surprise of a window is less by log10 of that number."""


class Unusual(NamedTuple):
    """A window's surprise, the rarity of its rarest event, and that of its rarest event of failure (see `habits`)."""

    surprise: float
    rarity: float
    failure: float


class Oddity(NamedTuple):
    """The rarity of an event beyond chance, and as a failure: 0 where it speaks of none."""

    rarity: float
    failure: float


def beyond_chance(surprise: float, events: int) -> float:
    """The surprise of a window of so many events, less that of the most surprising among as many by chance."""
    return max(0.0, surprise - INDEPENDENT * log10(max(1, events)))


def in_company(rarities: Sequence[float], fails: Sequence[bool]) -> list[Oddity]:
    """What there is to say of each event of a window in the company of the others.

    A rarity is less by log10 of the number of events (Bonferroni's correction); a failure counts by as much as it is
    rarer than the mean of what is none.

    :param rarities: of the events. :param fails: whether each speaks of a failure that is not routine.
    """
    others = [rarity for rarity, failure in zip(rarities, fails, strict=True) if not failure]
    chance, mean = log10(max(1, len(rarities))), fsum(others) / max(1, len(others))
    return [
        Oddity(max(0.0, rarity - chance), max(0.0, rarity - mean) if failure else 0.0)
        for rarity, failure in zip(rarities, fails, strict=True)
    ]


def unusual(window: Window, habits: Habits, own: int = 0) -> Unusual:
    """How unusual a window is, beyond chance.

    :param own: how often the window was seen itself, and is left out of what it is compared with.
    """
    rarities = habits.rarities(window, own)
    each = in_company(rarities, _failures(window, rarities))
    return Unusual(
        surprise=beyond_chance(habits.surprise(window, own), len(rarities)),
        rarity=max((one.rarity for one in each), default=0.0),
        failure=max((one.failure for one in each), default=0.0),
    )


def as_counted(window: Window, habits: Habits) -> Unusual:
    """The same without regard to chance: what a person is told."""
    rarities = habits.rarities(window)
    failures = [rarity for rarity, fails in zip(rarities, _failures(window, rarities), strict=True) if fails]
    return Unusual(habits.surprise(window), max(rarities, default=0.0), max(failures, default=0.0))


def _failures(window: Window, rarities: Sequence[float]) -> list[bool]:
    return [rarity > ROUTINE and failing(event.text) for rarity, event in zip(rarities, window.events, strict=True)]
