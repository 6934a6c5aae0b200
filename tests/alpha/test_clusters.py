import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionlog.alpha.clusters import numbers, partition

BLOBS = np.concatenate(
    [np.random.default_rng(0).normal(centre, 0.1, (8, 2)) for centre in ((0, 0), (5, 0), (0, 5), (5, 5))]
).astype(np.float32)


def test_k_is_where_the_silhouette_is_greatest() -> None:
    labels = partition(BLOBS, 2, 16)
    assert len(set(labels.tolist())) == 4
    assert all(len(set(labels[start : start + 8].tolist())) == 1 for start in (0, 8, 16, 24))


def test_k_keeps_within_its_bounds() -> None:
    assert len(set(partition(BLOBS, 2, 3).tolist())) <= 3
    assert len(set(partition(BLOBS, 9, 12).tolist())) >= 9


@pytest.mark.parametrize("number", [1, 2, 5])
def test_equal_vectors_are_one_cluster(number: int) -> None:
    assert partition(np.ones((number, 3), dtype=np.float32), 2, 9).tolist() == [0] * number


@given(st.integers(0, 50), st.integers(0, 200))
def test_the_numbers_tried_rise_from_the_least_to_the_most(least: int, most: int) -> None:
    found = numbers(least, most)
    assert found == sorted(set(found)) and (not found or (found[0] >= 2 and found[-1] == most))
    assert bool(found) == (most >= 2)
