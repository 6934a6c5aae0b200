import numpy as np

from fusionlog.methods.alpha.detector import Svm

VECTORS = np.array([[0, 0], [0, 1], [1, 0], [5, 5], [5, 6]], dtype=np.float32)
BAD = np.array([False, False, False, True, True])


def test_what_is_like_the_anomalous_ones_is_anomalous() -> None:
    near, far = Svm(VECTORS, BAD, np.ones(5, dtype=np.float32)).score(np.array([[0.5, 0.5], [5, 5.5]], np.float32))
    assert 0.0 < near < 0.5 < far < 1.0


def test_a_window_that_counts_little_is_outvoted() -> None:
    vectors = np.concatenate([VECTORS, VECTORS[:1]])
    verdicts = np.append(BAD, True)
    light, heavy = (
        Svm(vectors, verdicts, np.array([1, 1, 1, 1, 1, weight], dtype=np.float32)).score(VECTORS[:1])[0]
        for weight in (0.01, 100.0)
    )
    assert light < 0.5 < heavy


def test_with_one_verdict_alone_that_is_the_verdict() -> None:
    weights = np.ones(5, dtype=np.float32)
    assert Svm(VECTORS, ~np.zeros(5, dtype=np.bool_), weights).score(VECTORS).tolist() == [1.0] * 5
    assert Svm(VECTORS, np.zeros(5, dtype=np.bool_), weights).score(VECTORS).tolist() == [0.0] * 5
