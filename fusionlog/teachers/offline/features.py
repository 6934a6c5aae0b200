"""The features of the offline teacher, and the evaluation of the logistic regression over them.

A release carries the regression (`records.LogisticRegression`); it is fitted where the sources are
(`distillation.offline_fit`). Its evaluation needs neither numpy nor SciPy.
"""

from __future__ import annotations

from msgspec import Struct

from fusionlog.detector.calibration import sigmoid
from fusionlog.novelty.features import NoveltyFeatures
from fusionlog.records import LogisticRegression

PRIOR_WEIGHT = 1.0
"""A weight that is not fitted on sources: one logit for each order of magnitude."""
PRIOR = LogisticRegression(
    surprisal=PRIOR_WEIGHT, rarity=PRIOR_WEIGHT, failure=PRIOR_WEIGHT, transferred=PRIOR_WEIGHT, intercept=-3.0
)
"""The regression where none was fitted on sources: three orders of magnitude in all have probability one half."""


class Features(Struct, frozen=True):
    """The features of a window, or of an event by itself: each 0 where nothing is unusual.

    :param surprisal: of the window's least likely deviation, corrected for multiple comparisons (see `novelty`).
    :param rarity: of its rarest event, corrected likewise.
    :param failure: the rarity of an event that reports a failure, above the mean rarity of those that do not.
    :param transferred: the greatest probability of an anomaly that a source's event transfers, times their similarity.
    """

    surprisal: float = 0.0
    rarity: float = 0.0
    failure: float = 0.0
    transferred: float = 0.0

    @property
    def values(self) -> tuple[float, float, float, float]:
        """The four features, in the order of the fields."""
        return self.surprisal, self.rarity, self.failure, self.transferred

    @classmethod
    def counted(cls, novelty: NoveltyFeatures) -> Features:
        """The novelty features as counted, without multiple-comparison correction or a transferred label."""
        return cls(surprisal=novelty.surprisal, rarity=novelty.rarity, failure=novelty.failure)


def logit(model: LogisticRegression, features: Features) -> float:
    """The logit of a regression: intercept + weights . features."""
    return (
        model.intercept
        + model.surprisal * features.surprisal
        + model.rarity * features.rarity
        + model.failure * features.failure
        + model.transferred * features.transferred
    )


def probability(model: LogisticRegression, features: Features) -> float:
    """The probability that a window, or an event, with these features is anomalous."""
    return sigmoid(logit(model, features))
