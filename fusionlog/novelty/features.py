"""Novelty features: how unusual a window is in its system, in orders of magnitude; corrected for multiple comparisons.

Of many events one is sooner rare, and of many regularities one is sooner broken. A decision on these features alone
has to be corrected for the number of comparisons; a network is given the number of events.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum, log10
from typing import NamedTuple

from fusionlog.novelty.failure_lexicon import reports_failure
from fusionlog.novelty.value_ranges import UnusualValue

ROUTINE_RARITY = log10(2)
"""The rarity up to which a failure is routine: it stands in half of the windows."""
INDEPENDENCE = 0.5
"""Exponent of the number of independent comparisons among n events, n**0.5: where one step is missing, the next one is
missing, too."""


class NoveltyFeatures(NamedTuple):
    """A window's surprisal, the rarity of its rarest event, and that of its rarest failure event (see `profile`); the
    value of a line that deviates most from the usual ones, where one does."""

    surprisal: float
    rarity: float
    failure: float
    value: UnusualValue | None = None


class EventFeatures(NamedTuple):
    """An event's rarity, corrected for multiple comparisons, and its excess rarity as a failure; else 0."""

    rarity: float
    failure: float


def novelty_features(surprisal: float, rarities: Sequence[float], texts: Sequence[str]) -> NoveltyFeatures:
    """The features of a window.

    :param rarities: of its events. :param texts: the templates of the same events.
    """
    failures = [
        rarity
        for rarity, text in zip(rarities, texts, strict=True)
        if rarity > ROUTINE_RARITY and reports_failure(text)
    ]
    return NoveltyFeatures(surprisal, max(rarities, default=0.0), max(failures, default=0.0))


def corrected_surprisal(surprisal: float, events: int) -> float:
    """The surprisal of a window of so many events, less log10 of the number of independent comparisons."""
    return max(0.0, surprisal - INDEPENDENCE * log10(max(1, events)))


def event_features(rarities: Sequence[float], failures: Sequence[bool]) -> list[EventFeatures]:
    """The features of each event of a window, given its other events.

    A rarity is less by log10 of the number of events (Bonferroni correction). A failure counts by its rarity above the
    mean rarity of the events that are none: among events as rare, it is part of rare work.

    :param rarities: of the events. :param failures: whether each reports a failure that is not routine.
    """
    others = [rarity for rarity, failure in zip(rarities, failures, strict=True) if not failure]
    correction, mean = log10(max(1, len(rarities))), fsum(others) / max(1, len(others))
    return [
        EventFeatures(max(0.0, rarity - correction), max(0.0, rarity - mean) if failure else 0.0)
        for rarity, failure in zip(rarities, failures, strict=True)
    ]
