from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionlog.routing.bank import Bank, nearest
from tests.encoders import WordEncoder
from tests.factories import make_release
from tests.routing.factories import TEXTS, judged, make_bank


@given(st.lists(TEXTS, max_size=6), st.lists(TEXTS, max_size=6))
def test_nearest_is_the_greatest_cosine(texts: list[str], known: list[str]) -> None:
    vectors, others = WordEncoder()(texts), WordEncoder()(known)
    similarity, rows = nearest(vectors, others)
    for vector, cosine, row in zip(vectors, similarity, rows, strict=True):
        filled = [other for other in others if other.any()]
        if not vector.any() or not filled:
            assert (cosine, row) == (-1, -1)
        else:
            assert cosine == pytest.approx(max(float(vector @ other) for other in filled), abs=1e-5)
            assert float(vector @ others[row]) == pytest.approx(float(cosine), abs=1e-5)


def test_a_vector_is_at_one_from_itself() -> None:
    vectors = np.random.default_rng(0).normal(size=(200, 384)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    similarity, rows = nearest(vectors, vectors)
    assert (similarity == 1).all()
    assert rows.tolist() == list(range(200))


def test_a_release_brings_its_bank_as_trained() -> None:
    bank = Bank.of(make_release(("disk failed", 1.0), ("disk full", 0.25)))
    assert bank.trained.all()
    assert bank.probabilities.tolist() == [1.0, 0.25]
    assert bank.nearest(np.eye(2, dtype=np.float32))[1].tolist() == [0, 1]


def test_a_bank_grows_without_changing_and_keeps_what_was_taught() -> None:
    bank = Bank.of(make_release(("disk failed", 1.0)))
    one = np.ones((1, 1), np.float32)
    grown = bank.with_events([judged("disk full", 0.2)], one)
    again = grown.with_events([judged("disk full", 0.9), judged("disk failed", 0.0)], np.ones((2, 1), np.float32))
    assert [len(each) for each in (bank, grown, again)] == [1, 2, 2]
    assert again.trained.tolist() == [True, False]
    assert again.probabilities.tolist() == pytest.approx([1.0, 0.9])


def test_one_text_judged_in_two_systems_is_two_events() -> None:
    bank = Bank.of(make_release(("disk full", 0.0), system="other"))
    assert len(bank.with_events([judged("disk full", 1.0)], np.ones((1, 1), np.float32))) == 2


def test_what_is_judged_twice_in_one_growth_enters_once() -> None:
    grown = make_bank().with_events(
        [judged("disk full", 0.1), judged("disk full", 0.9)], WordEncoder()(["disk full"] * 2)
    )
    assert grown.probabilities.tolist() == pytest.approx([0.9])
