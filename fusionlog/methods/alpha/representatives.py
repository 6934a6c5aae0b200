"""Selection of the representatives of clusters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fusionlog.types import FloatArray, IntArray


def representatives(vectors: FloatArray, clusters: Sequence[IntArray], central: int, uncertain: int) -> list[list[int]]:
    """The representatives of each cluster, as rows: the nearest to its centroid, then the most uncertain of the rest.

    A row is uncertain if it lies about as near to another cluster's centroid as to its own; in a lone cluster, if it
    is far from the centroid.

    :param vectors: `[n, dim]`. :param clusters: the rows of each cluster.
    :param central: how many nearest ones. :param uncertain: how many uncertain ones.
    """
    centroids = np.stack([vectors[places].mean(axis=0) for places in clusters])
    return [_chosen(vectors, places, own, centroids, central, uncertain) for own, places in enumerate(clusters)]


def _chosen(
    vectors: FloatArray, places: IntArray, own: int, centroids: FloatArray, central: int, uncertain: int
) -> list[int]:
    distances = np.linalg.norm(vectors[places][:, None] - centroids[None], axis=2)
    away = distances[:, own]
    near = np.argsort(away, kind="stable")[:central]
    others = np.delete(distances, own, axis=1)
    margin = others.min(axis=1) - away if others.shape[1] else -away
    rest = [row for row in np.argsort(margin, kind="stable").tolist() if row not in set(near.tolist())]
    return [int(places[row]) for row in [*near.tolist(), *rest[:uncertain]]]
