from __future__ import annotations

import numpy as np
import pytest

from fusionlog.detector.batch import BatchBuffer, collate, gather


def rows(n: int, dim: int = 3) -> tuple[np.ndarray, np.ndarray]:
    return np.full((n, dim), n, dtype=np.float32), np.arange(1, n + 1, dtype=np.float32)


def test_windows_are_padded_to_the_longest() -> None:
    batch = collate([rows(1), rows(3)])
    assert batch.events.shape == (2, 3, 3)
    assert batch.counts.tolist() == [[1, 0, 0], [1, 2, 3]]
    assert batch.events[0, 1:].sum() == 0
    assert (batch.events[1] == 3).all()
    assert batch.events.dtype == batch.counts.dtype == np.float32


def test_a_window_without_events_is_all_padding() -> None:
    batch = collate([rows(0)])
    assert batch.counts.tolist() == [[0]]
    assert len(batch) == 1


def test_nothing_cannot_be_a_batch() -> None:
    with pytest.raises(ValueError, match="at least one window"):
        collate([])


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="window 1"):
        collate([rows(2), rows(2, dim=4)])


def test_where_order_matters_a_place_is_a_line() -> None:
    batch = collate([rows(2), rows(1)], [np.array([1, 0, 1]), np.array([0, 0])])
    assert batch.events.shape == (2, 3, 3)
    assert batch.counts.tolist() == [[1, 1, 1], [1, 1, 0]]
    assert batch.events[1, 2].sum() == 0
    assert batch.order is not None
    assert batch.order.tolist() == [[1, 0, 1], [0, 0, 0]]


def test_values_of_lines_come_back_as_those_of_events() -> None:
    batch = collate([rows(2), rows(1)], [np.array([1, 0, 1]), np.array([0, 0])])
    values = np.array([[0.25, 0.5, 0.75], [0.125, 0.5, 0.0]], dtype=np.float32)
    assert batch.by_event(values).tolist() == [[0.5, 0.75], [0.5, 0.0]]
    assert collate([rows(2)]).by_event(values[:1, :2]).tolist() == [[0.25, 0.5]]


@pytest.mark.parametrize("windows", [[[0, 2], [1]], [[]], [[2, 1, 0], [], [1]]])
def test_windows_that_share_vectors_are_laid_out_as_by_themselves(windows: list[list[int]]) -> None:
    vectors, buffer = np.arange(12, dtype=np.float32).reshape(3, 4) + 1, BatchBuffer()
    buffer.array(5, 5, 5)[:] = np.nan
    counts = [[place + 1 for place in range(len(window))] for window in windows]
    expected = collate([(vectors[np.array(rows, int)], np.array(n)) for rows, n in zip(windows, counts, strict=True)])
    batch = gather(vectors, windows, counts, buffer)
    assert batch.events.tolist() == expected.events.tolist() and batch.counts.tolist() == expected.counts.tolist()
    assert batch.events.dtype == batch.counts.dtype == np.float32
