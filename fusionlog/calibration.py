"""What the small model's word is worth on its own system, weighed with how unusual a window is there.

A network that learned from a few dozen judged windows ranks better than it decides, and it knows nothing of faults that
its labels do not show. How rarely such a window is seen does, and needs no label. Both are stacked (Wolpert, Neural
Networks 5, 1992): a logistic regression over the network's logit, the surprise and the rarity.
"""

from __future__ import annotations

from math import exp, log

from fusionlog.habits import Habits
from fusionlog.records import Calibration, ModelRelease, Window

LEAST = 1e-3
"""A probability nearer to 0 or 1 counts as this near."""


def logit(probability: float) -> float:
    """log p / (1 - p), of p kept within `LEAST` of 0 and 1."""
    kept = min(1.0 - LEAST, max(LEAST, probability))
    return log(kept / (1.0 - kept))


def features(probability: float, window: Window, habits: Habits) -> tuple[float, float, float]:
    """The network's logit, the window's surprise and its rarity: the same for all windows of a shape."""
    return logit(probability), habits.surprise_of_counts(window), habits.rarity(window)


class Calibrator:
    """Scores in place of a network's probabilities. Its word changes with nothing but the release."""

    def __init__(self, weights: Calibration, habits: Habits) -> None:
        self._weights, self._habits = weights, habits

    @classmethod
    def of(cls, release: ModelRelease) -> Calibrator | None:
        """A release's, None where it has none.

        :raises ModelError: its habits cannot be read.
        """
        return None if release.calibration is None else cls(release.calibration, Habits.unpack(release.habits))

    def score(self, probability: float, window: Window) -> float:
        """The score, 0 to 1; one half is the verdict's threshold."""
        of_network, surprise, rarity = features(probability, window, self._habits)
        weights = self._weights
        total = weights.probability * of_network + weights.surprise * surprise + weights.rarity * rarity
        return 1.0 / (1.0 + exp(-min(30.0, max(-30.0, total + weights.intercept))))
