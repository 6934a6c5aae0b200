"""What the small model's word is worth on its own system, weighed with how unusual a window is there at this moment.

A network that learned from a few dozen judged windows ranks better than it decides, and it knows nothing of faults that
its labels do not show. How unusual a window is does, and needs no label. Both are stacked (Wolpert, Neural
Networks 5, 1992): a logistic regression over the network's logit, the surprise and the rarity; and what the sources
taught of surprise, rarity and failures is added to it where that helps. What becomes usual after the model was made
loses its rarity by being seen, without another model.
"""

from __future__ import annotations

from math import exp, floor, log

from fusionlog.habits import Habits
from fusionlog.parsing.memo import Memo
from fusionlog.records import Calibration, Window
from fusionlog.unusual import Unusual, unusual

LEAST = 1e-3
"""A probability nearer to 0 or 1 counts as this near."""
LARGEST = 30.0
GROWTH = 1.1
"""How unusual a shape is, is counted anew when so many times as many windows were seen."""
KEPT_SHAPES = 50_000


def logit(probability: float) -> float:
    """log p / (1 - p), of p kept within `LEAST` of 0 and 1."""
    kept = min(1.0 - LEAST, max(LEAST, probability))
    return log(kept / (1.0 - kept))


def score(weights: Calibration, probability: float, how: Unusual) -> float:
    """The score that stands for the network's probability, 0 to 1; one half is the verdict's threshold."""
    total = weights.probability * logit(probability) + weights.intercept
    total += weights.surprise * how.surprise + weights.rarity * how.rarity + weights.failure * how.failure
    return 1.0 / (1.0 + exp(-min(LARGEST, max(-LARGEST, total))))


class Usual:
    """How unusual windows are, remembered by shape until a tenth more of them were seen. For one thread at a time."""

    def __init__(self, habits: Habits) -> None:
        self.habits = habits
        self._memo: Memo[str, Unusual] = Memo(KEPT_SHAPES)
        self._age = -1

    def of(self, window: Window) -> Unusual:
        """The surprise and the rarity of a window."""
        age = floor(log(1 + self.habits.windows) / log(GROWTH))
        if age != self._age:
            self._age, self._memo = age, Memo(KEPT_SHAPES)
        found = self._memo.get(window.shape)
        if found is None:
            found = unusual(window, self.habits)
            self._memo.put(window.shape, found)
        return found
