"""Fits the non-negative logistic regressions of a base release on labelled windows of the sources.

No weight is negative: each feature can only raise the probability of an anomaly, also on a system unlike the sources.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fusionlog.distillation.logistic import Fitted, Floats, fit_logistic
from fusionlog.records import LogisticRegression
from fusionlog.teachers.offline.features import PRIOR_WEIGHT, Features
from fusionlog.types import BoolArray

PRIOR_SHARE = 0.1
"""The total weight of a source's anomalous windows. A target is assumed to have one anomalous window in ten; a source
with more of them must not raise the rate on a target."""
RIDGE = 1e-3
"""The penalty on the squared distance of a weight from `PRIOR_WEIGHT`, relative to the mean cross-entropy."""
CANDIDATES = 200
"""The number of candidate thresholds, from the least to the greatest logit."""


@dataclass(frozen=True)
class Stretch:
    """Consecutive labelled windows of one source: features `[windows, 4]`, and which are anomalous `[windows]`."""

    features: Floats
    anomalous: BoolArray

    @property
    def mass(self) -> Floats:
        """The weight of each window `[windows]`, in sum 1: `PRIOR_SHARE` for the anomalous ones together."""
        bad = int(self.anomalous.sum())
        return np.where(
            self.anomalous, PRIOR_SHARE / max(1, bad), (1 - PRIOR_SHARE) / max(1, len(self.anomalous) - bad)
        )

    @classmethod
    def of(cls, features: Sequence[Features], anomalous: Sequence[bool]) -> Stretch:
        """A stretch from the features and labels of its windows."""
        rows = np.array([each.values for each in features], dtype=np.float64)
        return cls(rows.reshape(len(features), len(Features.__struct_fields__)), np.array(anomalous, dtype=np.bool_))


def fit(stretches: Sequence[Stretch]) -> LogisticRegression | None:
    """Fit a regression on labelled stretches of equal weight; None where no stretch has both classes.

    The weights minimise the mean cross-entropy of the stretches. The intercept is then moved so that the threshold of
    one half maximises their mean F1, which cross-entropy alone does not.
    """
    both = [each for each in stretches if each.anomalous.any() and not each.anomalous.all()]
    if not both:
        return None
    fitted = _fitted(both)
    threshold = best_threshold(both, [each.features @ fitted.weights + fitted.intercept for each in both])
    surprisal, rarity, failure, transferred = fitted.weights.tolist()
    return LogisticRegression(
        surprisal=surprisal, rarity=rarity, failure=failure, transferred=transferred,
        intercept=fitted.intercept - threshold,
    )  # fmt: skip


def f1(called: BoolArray, anomalous: BoolArray, mass: Floats) -> float:
    """2 TP / (2 TP + FP + FN) of weighted windows."""
    return float(2 * mass[called & anomalous].sum() / (mass[called].sum() + mass[anomalous].sum()))


def best_threshold(stretches: Sequence[Stretch], logits: Sequence[Floats]) -> float:
    """The decision threshold on logits of greatest mean F1 over the stretches."""
    whole = np.concatenate(logits)
    candidates = np.linspace(whole.min(), whole.max(), CANDIDATES)
    pairs = list(zip(stretches, logits, strict=True))
    means = [np.mean([f1(each >= least, known.anomalous, known.mass) for known, each in pairs]) for least in candidates]
    return float(candidates[np.argmax(means)])


def _fitted(stretches: Sequence[Stretch]) -> Fitted:
    features = np.concatenate([each.features for each in stretches])
    labels = np.concatenate([each.anomalous for each in stretches]).astype(np.float64)
    mass = np.concatenate([each.mass for each in stretches]) / len(stretches)
    return fit_logistic(features, labels, mass, np.full(features.shape[1], PRIOR_WEIGHT), RIDGE)
