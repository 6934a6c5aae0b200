"""Which features a meta-learner is shown: those that tell the sources' anomalies apart, by two measures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import mutual_info_classif

from fusionlog.types import BoolArray, FloatArray, IntArray

SHARE = 0.25
"""Of the features; the paper keeps 200 of 848."""
TREES = 100
LEAF = 5
MOST_WINDOWS = 4_000
"""Windows that are looked at, drawn where there are more: mutual information takes seconds for a thousand."""


@dataclass(frozen=True, eq=False)
class Selection:
    """Kept columns, and how they are brought to mean 0 and deviation 1 over the sources."""

    columns: IntArray
    mean: FloatArray
    deviation: FloatArray

    def __call__(self, features: FloatArray) -> FloatArray:
        """Features `[n, all]` as `[n, kept]`."""
        scaled: FloatArray = ((features[:, self.columns] - self.mean) / self.deviation).astype(np.float32)
        return scaled


def select(features: FloatArray, anomalous: BoolArray, seed: int) -> Selection:
    """The quarter of the features with the best mean rank by mutual information with the label and by the importance to
    a random forest of balanced classes.

    :param features: of the sources' windows `[n, all]`. :param anomalous: `[n]`, of both kinds.
    """
    rows = np.random.default_rng(seed).permutation(len(features))[:MOST_WINDOWS]
    shown, told = features[rows], anomalous[rows]
    forest = RandomForestClassifier(TREES, min_samples_leaf=LEAF, class_weight="balanced", random_state=seed)
    importance = forest.fit(shown, told).feature_importances_
    information = mutual_info_classif(shown, told, random_state=seed)
    rank = _ranks(importance) + _ranks(information)
    columns = np.sort(np.argsort(rank, kind="stable")[: max(1, round(SHARE * features.shape[1]))])
    kept = features[:, columns]
    return Selection(columns, kept.mean(axis=0), np.maximum(kept.std(axis=0), 1e-6))


def _ranks(values: FloatArray) -> IntArray:
    """The place of each value from the greatest on, counted from 0."""
    ranks = np.empty(len(values), dtype=np.int64)
    ranks[np.argsort(-values, kind="stable")] = np.arange(len(values))
    return ranks
