"""Metrics of a detector at the session level."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from math import sqrt


@dataclass(frozen=True)
class Confusion:
    """The confusion matrix of sessions; the positive class is "anomalous"."""

    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int

    @property
    def precision(self) -> float:
        """TP / (TP + FP); 0 where nothing was called anomalous."""
        return _ratio(self.true_positive, self.true_positive + self.false_positive)

    @property
    def recall(self) -> float:
        """TP / (TP + FN); 0 where nothing is anomalous."""
        return _ratio(self.true_positive, self.true_positive + self.false_negative)

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        return _ratio(2 * self.true_positive, 2 * self.true_positive + self.false_positive + self.false_negative)

    @property
    def fpr(self) -> float:
        """FP / (FP + TN); 0 where nothing is normal."""
        return _ratio(self.false_positive, self.false_positive + self.true_negative)

    @property
    def mcc(self) -> float:
        """Matthews' correlation coefficient, -1 to 1; 0 where a row or a column of the table is empty."""
        agree = self.true_positive * self.true_negative - self.false_positive * self.false_negative
        called = (self.true_positive + self.false_positive) * (self.true_negative + self.false_negative)
        are = (self.true_positive + self.false_negative) * (self.true_negative + self.false_positive)
        return _ratio(agree, sqrt(called * are))


def confusion(labels: Mapping[str, bool], flagged: Set[str]) -> Confusion:
    """The confusion matrix over the labelled sessions; a flagged session without a label is ignored."""
    anomalous = {session for session, label in labels.items() if label}
    hit = len(anomalous & flagged)
    false = len((labels.keys() - anomalous) & flagged)
    return Confusion(
        true_positive=hit,
        false_positive=false,
        false_negative=len(anomalous) - hit,
        true_negative=len(labels) - len(anomalous) - false,
    )


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
