"""Fitting the logistic regressions that a base release carries, on labelled stretches of the sources' windows.

No weight is negative: each feature can only count for an anomaly, so that a system unlike the sources cannot reverse
one.
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
"""The mass of the anomalous windows of a source, however many they are: a target is taken for a system in which one
window in ten is anomalous, and a source in which a third are does not teach to call a third of another's so."""
RIDGE = 1e-3
"""Of the squared distance of a weight from `PRIOR_WEIGHT`, against the mean cross-entropy."""
CANDIDATES = 200
"""Thresholds that are compared, from the least to the greatest logit."""


@dataclass(frozen=True)
class Stretch:
    """The features of labelled windows of one source `[windows, 4]`, and which of them are anomalous `[windows]`."""

    features: Floats
    anomalous: BoolArray

    @property
    def mass(self) -> Floats:
        """How much each window counts `[windows]`: `PRIOR_SHARE` for all that are anomalous, together 1."""
        bad = int(self.anomalous.sum())
        return np.where(
            self.anomalous, PRIOR_SHARE / max(1, bad), (1 - PRIOR_SHARE) / max(1, len(self.anomalous) - bad)
        )

    @classmethod
    def of(cls, features: Sequence[Features], anomalous: Sequence[bool]) -> Stretch:
        """From the features of each window."""
        rows = np.array([each.values for each in features], dtype=np.float64)
        return cls(rows.reshape(len(features), len(Features.__struct_fields__)), np.array(anomalous, dtype=np.bool_))


def fit(stretches: Sequence[Stretch]) -> LogisticRegression | None:
    """The regression of labelled stretches, each of which counts the same; None where none has both kinds of windows.

    The weights minimise the mean cross-entropy of the stretches. The intercept is then moved so that one half is where
    the mean of their F1 is the greatest: cross-entropy has no use for a decision that is right in two of five, F1 has.
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
    """The logit from which calling windows anomalous gives the greatest mean F1."""
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
