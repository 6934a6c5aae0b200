"""Clusters of windows, and how many of them there are. Needs scikit-learn, which workers do not have."""

from __future__ import annotations

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score

from fusionlog.types import FloatArray, IntArray

GROWTH = 1.5
"""One number of clusters that is tried to the next: silhouettes of neighbours hardly differ, and each costs a fit."""
STARTS = 3
"""K-means from so many random starts."""


def partition(vectors: FloatArray, least: int, most: int, seed: int = 0) -> IntArray:
    """Which cluster each vector is in `[n]`: k-means (Lloyd), k by the greatest mean silhouette (Rousseeuw, 1987).

    No label is looked at. k goes from `least` to `most`; one cluster where there are not vectors enough for two.

    :param vectors: `[n, dim]`.
    """
    distinct = len(np.unique(vectors.round(5), axis=0))
    best, found = -2.0, np.zeros(len(vectors), dtype=np.int64)
    for k in numbers(least, min(most, distinct, len(vectors) - 1)):
        labels = KMeans(k, n_init=STARTS, random_state=seed).fit_predict(vectors)
        if len(set(labels.tolist())) > 1 and (value := float(silhouette_score(vectors, labels))) > best:
            best, found = value, labels.astype(np.int64)
    return found


def numbers(least: int, most: int) -> list[int]:
    """The numbers of clusters that are tried: from `least`, each `GROWTH` times the last, and `most`; none below 2."""
    found, k = list[int](), max(2, least)
    while k < most:
        found.append(k)
        k = max(k + 1, int(k * GROWTH))
    return [*found, most] if most >= 2 else []
