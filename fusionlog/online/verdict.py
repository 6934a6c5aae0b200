"""The verdict on a window: a small model's score, or a teacher's label."""

from __future__ import annotations

from fusionlog import decision
from fusionlog.online.scorer import Score
from fusionlog.records import PseudoLabel

Verdict = Score | PseudoLabel


def is_anomalous(verdict: Verdict) -> bool:
    """Whether the window is an anomaly: the probability reaches the threshold of the model, or of teachers."""
    if isinstance(verdict, PseudoLabel):
        return decision.is_anomalous(verdict.probability)
    return verdict.anomalous
