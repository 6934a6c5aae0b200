"""The budget manager of stream-based active learning: the share of the windows of highest score is queried."""

from __future__ import annotations

from dataclasses import dataclass

from fusionlog.settings import SecondOpinionSettings

FIRST_THRESHOLD = 1.0
"""The first threshold: a model without knowledge, or a window unlike 99 in 100."""
STEP = 0.1


@dataclass
class QuantileBudget:
    """Queries the windows whose score is above the quantile that leaves `share` of them.

    The threshold follows the quantile by stochastic approximation (Robbins and Monro, 1951): each queried window raises
    it, each other lowers it, so that in the long run `share` of the scores lie above. It never falls below `min_score`,
    so that a stream of low scores is queried less.
    """

    settings: SecondOpinionSettings
    threshold: float = FIRST_THRESHOLD

    def query(self, score: float) -> bool:
        """Whether a window of this score is queried; moves the threshold."""
        share = self.settings.share
        if share == 0.0:
            return False
        queried = score >= self.threshold
        step = STEP * (1.0 - share) if queried else -STEP * share
        self.threshold = max(self.settings.min_score, self.threshold + step)
        return queried
