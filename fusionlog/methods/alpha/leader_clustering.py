"""Leader clustering of vectors: the number of clusters follows from a similarity threshold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fusionlog.types import FloatArray, IntArray


def leader_clusters(vectors: FloatArray, order: Sequence[int], similarity: float) -> list[IntArray]:
    """Leader clustering (Hartigan, 1975): each vector joins the leader of greatest cosine if that is >= `similarity`.

    Otherwise the vector becomes the leader of a new cluster. One pass, so the result depends on the order.

    :param vectors: `[n, dim]`. A zero vector has cosine 0 to every other one.
    :param order: all rows, in the order of the pass.
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
