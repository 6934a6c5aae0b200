from __future__ import annotations

import numpy as np

from fusionlog.alpha.representatives import members, representatives


def test_representatives_are_central_and_then_uncertain() -> None:
    line = np.array([[0.0], [1.0], [2.0], [4.0], [9.0], [10.0], [11.0]], dtype=np.float32)
    clusters = members(np.array([0, 0, 0, 0, 1, 1, 1]))
    assert representatives(line, clusters, 1, 1) == [[2, 3], [5, 4]]
    assert representatives(line, clusters, 2, 0) == [[2, 1], [5, 4]]
    assert representatives(line, clusters[1:], 1, 9) == [[5, 4, 6]]
