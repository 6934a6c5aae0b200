"""The verdict on a window: a small model's score, or a teacher's label."""

from __future__ import annotations

from fusionlog.detector.scorer import Score
from fusionlog.records import PseudoLabel

TEACHER_THRESHOLD = 0.5
"""The probability from which a teacher's label makes a window an anomaly."""

Verdict = Score | PseudoLabel


def is_anomalous(verdict: Verdict) -> bool:
    """Whether the window is an anomaly: the probability reaches the threshold of the model, or of teachers."""
    if isinstance(verdict, PseudoLabel):
        return verdict.probability >= TEACHER_THRESHOLD
    return verdict.anomalous
