"""The acquisition score of a window: an estimate of the information in a teacher's label of it.

The router looks at single events. A window of known events alone may still be one that the model was never trained on:
a step repeated, a step missing, an end too early. Three terms show it without a label.
"""

from __future__ import annotations

SURPRISAL_WEIGHT = 0.5


def acquisition_score(probability: float, similarity: float, surprisal: float) -> float:
    """(1 - |2p - 1|) + (1 - similarity) + surprisal / 2: uncertainty, novelty, surprisal.

    0 is a certain verdict on a usual window; a window unlike 99 in 100 scores 1 by its surprisal alone.

    :param probability: p, the model's. :param similarity: to the nearest labelled window, 0 to 1.
    :param surprisal: in orders of magnitude (see `SystemProfile`).
    """
    return (1.0 - abs(2.0 * probability - 1.0)) + (1.0 - similarity) + SURPRISAL_WEIGHT * surprisal
