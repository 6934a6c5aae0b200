"""How unusual a window is in its system, in orders of magnitude, as counted; and what of it is more than chance.

Of many events one is sooner rare, and of many habits one sooner broken. Who judges by this alone has to take it into
account; a network sees how many events there are.
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
    rarer than the mean of what is none: among things as rare it is part of some seldom work.

    :param rarities: of the events. :param fails: whether each speaks of a failure that is not routine.
    """
    others = [rarity for rarity, failure in zip(rarities, fails, strict=True) if not failure]
    chance, mean = log10(max(1, len(rarities))), fsum(others) / max(1, len(others))
    return [
        Oddity(max(0.0, rarity - chance), max(0.0, rarity - mean) if failure else 0.0)
        for rarity, failure in zip(rarities, fails, strict=True)
    ]


def unusual(window: Window, habits: Habits, own: int = 0) -> Unusual:
    """How unusual a window is, as counted.

    :param own: how often the window was seen itself, and is left out of what it is compared with.
    """
    rarities = habits.rarities(window, own)
    failures = [
        rarity
        for rarity, event in zip(rarities, window.events, strict=True)
        if rarity > ROUTINE and failing(event.text)
    ]
    return Unusual(habits.surprise(window, own), max(rarities, default=0.0), max(failures, default=0.0))
