import numpy as np
import pytest

from fusionlog.embedding.encoder import VectorCache
from fusionlog.methods.alpha.vectors import MAX_SCALE, SUM_SCALE, window_vectors
from tests.encoders import WordEncoder
from tests.factories import make_window

CACHE = VectorCache(WordEncoder("opened", "failed"))


def test_a_vector_has_the_sum_and_the_maximum_of_the_events_by_their_counts() -> None:
    [found] = window_vectors([make_window("opened", "failed", "failed")], CACHE)
    one, two = np.log1p(1), np.log1p(2)
    assert found == pytest.approx([SUM_SCALE * one, SUM_SCALE * two, MAX_SCALE * one, MAX_SCALE * two])


def test_windows_of_one_shape_have_one_vector_and_more_of_an_event_is_farther() -> None:
    once, again, swapped, often = window_vectors(
        [make_window("opened", "failed"), make_window("opened", "failed"), make_window("failed", "opened"),
         make_window("opened", *["failed"] * 9)], CACHE,
    )  # fmt: skip
    assert (once == again).all() and (once == swapped).all()
    assert np.linalg.norm(once - often) > 0.5
