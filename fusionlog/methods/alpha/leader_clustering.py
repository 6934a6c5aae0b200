"""Clusters of windows: no number of them is chosen, and numpy is all it takes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fusionlog.types import FloatArray, IntArray


def leader_clusters(vectors: FloatArray, order: Sequence[int], similarity: float) -> list[IntArray]:
    """Leader clustering (Hartigan, 1975): each vector joins the nearest leader whose cosine is `similarity` at least,
    else it leads a cluster of its own.

    One pass, so the order matters: who comes first leads.

    :param vectors: `[n, dim]`. A zero vector is near to nothing.
    :param order: all rows, in the order in which they are looked at.
    :return: the rows of each cluster, its leader first.
    """
    units = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    leaders = np.empty_like(units)
    clusters: list[list[int]] = []
    for row in order:
        near = leaders[: len(clusters)] @ units[row]
        best = int(near.argmax()) if len(near) else -1
        if best >= 0 and near[best] >= similarity:
            clusters[best].append(row)
        else:
            leaders[len(clusters)] = units[row]
            clusters.append([row])
    return [np.array(rows, dtype=np.int64) for rows in clusters]
