"""The calibrated score of a window: the small model's probability stacked with the window's present novelty features.

A network trained on a few dozen labelled windows ranks better than it decides, and misses faults that its labels do
not show. The novelty features need no label. Both are stacked (Wolpert, Neural Networks 5, 1992):
a logistic regression over the network's logit, the surprisal and the rarity; the sources' own weights of surprisal,
rarity and failures are added to it where that helps. What becomes usual after the model was made loses its rarity by
being counted, without another model.
"""

from __future__ import annotations

from math import exp, log

from fusionlog.novelty.features import NoveltyFeatures
from fusionlog.records import Calibration

LEAST = 1e-3
"""A probability nearer to 0 or 1 counts as this near."""
LARGEST = 30.0
"""Logits beyond it are cut: exp of a larger one overflows."""


def clipped_logit(probability: float) -> float:
    """log p / (1 - p), of p kept within `LEAST` of 0 and 1."""
    kept = min(1.0 - LEAST, max(LEAST, probability))
    return log(kept / (1.0 - kept))


def sigmoid(logit: float) -> float:
    """1 / (1 + exp(-logit))."""
    return 1.0 / (1.0 + exp(-min(LARGEST, max(-LARGEST, logit))))


def calibrated_probability(weights: Calibration, probability: float, novelty: NoveltyFeatures) -> float:
    """The score in place of the network's probability, 0 to 1; its threshold is `decision.THRESHOLD`."""
    total = weights.probability * clipped_logit(probability) + weights.intercept
    total += weights.surprisal * novelty.surprisal + weights.rarity * novelty.rarity + weights.failure * novelty.failure
    return sigmoid(total)
