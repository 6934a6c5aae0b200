from __future__ import annotations

import numpy as np

from fusionlog.methods.alpha.representatives import representatives


def test_representatives_are_central_and_then_uncertain() -> None:
    line = np.array([[0.0], [1.0], [2.0], [4.0], [9.0], [10.0], [11.0]], dtype=np.float32)
    clusters = [np.array([0, 1, 2, 3]), np.array([4, 5, 6])]
    assert representatives(line, clusters, 1, 1) == [[2, 3], [5, 4]]
    assert representatives(line, clusters, 2, 0) == [[2, 1], [5, 4]]
    assert representatives(line, clusters[1:], 1, 9) == [[5, 4, 6]]
