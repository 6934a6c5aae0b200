from __future__ import annotations

import numpy as np

from tests.factories import make_label, make_window
from tests.online.factories import knowing, release

ONE, OTHER = make_window("disk failed"), make_window("disk opened", "disk failed", "disk opened")


def test_any_of_the_described_windows_are_laid_out_as_a_batch() -> None:
    knowledge = knowing()
    found = knowledge.describe([ONE, OTHER], knowledge.version_in_use)
    assert len(found.vectors) == 2, "each distinct event once"
    whole, second = found.batch([0, 1]), found.batch([1])
    assert whole.counts.tolist() == [[1, 0], [2, 1]] and second.counts.tolist() == [[2, 1]]
    assert np.array_equal(whole.events[1], second.events[0]) and whole.order is None


def test_where_order_matters_a_batch_has_a_place_for_each_line() -> None:
    knowledge = knowing("fusionlog+online", release(detector="gru"))
    batch = knowledge.describe([ONE, OTHER], knowledge.version_in_use).batch([1])
    assert batch.order is not None and batch.order.tolist() == [[0, 1, 0]] and batch.counts.tolist() == [[1, 1, 1]]


def test_windows_of_equal_content_have_one_key_until_a_label_parts_them() -> None:
    knowledge, window = knowing(), make_window("disk full")
    first, twin = knowledge.describe([window, make_window("disk full", session="s2")], knowledge.version_in_use).keys
    assert first == twin and first[0] == window.shape
    knowledge.learn(make_label(window, 0.1))
    before, (after,) = first, knowledge.describe([window], knowledge.version_in_use).keys
    knowledge.learn(make_label(window, 0.9, labelled_at=3000.0))
    assert after != knowledge.describe([window], knowledge.version_in_use).keys[0]
    assert before[0] == after[0]
