"""Feature selection of the meta-learners: structural features, and the best others by their ranks on the sources."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import mutual_info_classif

from fusionlog.types import BoolArray, FloatArray, IntArray

KEPT = 0
"""Features that are kept beside the structural ones. The paper keeps 200 of 848, embeddings enough to learn the sources
by heart: on the bundled systems, each left out in turn, they cost more than they brought (docs/results/offline.md)."""
TREES = 100
LEAF = 5
MOST_WINDOWS = 1_000
"""The most windows used, drawn at random where there are more: mutual information takes seconds for a thousand."""


@dataclass(frozen=True, eq=False)
class SelectedFeatures:
    """The selected columns, with their mean and standard deviation over the sources for scaling."""

    columns: IntArray
    mean: FloatArray
    deviation: FloatArray

    def __call__(self, features: FloatArray) -> FloatArray:
        """Features `[n, all]`, selected and scaled to `[n, kept]`."""
        scaled: FloatArray = ((features[:, self.columns] - self.mean) / self.deviation).astype(np.float32)
        return scaled


def select(features: FloatArray, anomalous: BoolArray, seed: int, always: int, kept: int = KEPT) -> SelectedFeatures:
    """Select the last `always` features, and the `kept` best of the others.

    The best have the least mean rank by mutual information with the label and by importance in a random forest with
    balanced classes.

    :param features: of the sources' windows `[n, all]`. :param anomalous: `[n]`, of both kinds.
    """
    others = features.shape[1] - always
    chosen = _best(features[:, :others], anomalous, seed, kept) if kept else np.empty(0, dtype=np.int64)
    columns = np.concatenate([np.sort(chosen), np.arange(others, features.shape[1])])
    shown = features[:, columns]
    return SelectedFeatures(columns, shown.mean(axis=0), np.maximum(shown.std(axis=0), 1e-6))


def _best(features: FloatArray, anomalous: BoolArray, seed: int, kept: int) -> IntArray:
    rows = np.random.default_rng(seed).permutation(len(features))[:MOST_WINDOWS]
    sample, labels = features[rows], anomalous[rows]
    forest = RandomForestClassifier(TREES, min_samples_leaf=LEAF, class_weight="balanced", random_state=seed)
    importance = forest.fit(sample, labels).feature_importances_
    information = mutual_info_classif(sample, labels, random_state=seed)
    best: IntArray = np.argsort(_ranks(importance) + _ranks(information), kind="stable")[:kept]
    return best


def _ranks(values: FloatArray) -> IntArray:
    """The rank of each value, 0 for the greatest."""
    ranks = np.empty(len(values), dtype=np.int64)
    ranks[np.argsort(-values, kind="stable")] = np.arange(len(values))
    return ranks
