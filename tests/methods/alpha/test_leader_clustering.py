from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fusionlog.methods.alpha.leader_clustering import leader_clusters


def rows_of(vectors: list[list[float]], order: list[int], similarity: float = 0.9) -> list[list[int]]:
    return [rows.tolist() for rows in leader_clusters(np.array(vectors, dtype=np.float32), order, similarity)]


def test_a_vector_joins_the_nearest_leader_whatever_its_length() -> None:
    vectors = [[1.0, 0.0], [0.0, 2.0], [9.0, 1.0], [1.0, 9.0], [1.0, 1.0]]
    assert rows_of(vectors, [0, 1, 2, 3, 4]) == [[0, 2], [1, 3], [4]]
    assert rows_of(vectors, [4, 0, 1, 2, 3], 0.7) == [[4, 0, 1, 2, 3]], "who comes first leads"


def test_a_zero_vector_is_near_to_nothing() -> None:
    assert rows_of([[0.0, 0.0], [0.0, 0.0], [1.0, 0.0]], [0, 1, 2]) == [[0], [1], [2]]
    assert leader_clusters(np.empty((0, 2), dtype=np.float32), [], 0.9) == []


@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1)), min_size=1, max_size=20), st.floats(0.1, 1.0))
def test_every_row_is_in_one_cluster_and_near_to_its_leader(
    points: list[tuple[float, float]], similarity: float
) -> None:
    vectors = np.array(points, dtype=np.float32)
    clusters = leader_clusters(vectors, range(len(points)), similarity)
    assert sorted(row for rows in clusters for row in rows.tolist()) == list(range(len(points)))
    units = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    assert all(units[rows[0]] @ units[row] >= similarity - 1e-4 for rows in clusters for row in rows[1:].tolist())
