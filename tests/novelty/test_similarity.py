from __future__ import annotations

from math import log1p

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionlog.novelty.similarity import BagIndex, bag_of_events, weighted_jaccard
from tests.factories import make_window

BAGS = st.dictionaries(st.sampled_from("abcdef"), st.floats(0.1, 5.0), min_size=1)


def test_a_bag_weighs_events_by_the_logarithm_of_their_count() -> None:
    found = bag_of_events(make_window("up", "up", "down").events)
    assert sorted(found.values()) == [log1p(1), log1p(2)]


def test_weighted_jaccard_is_shared_weight_over_all_weight() -> None:
    assert weighted_jaccard({"a": 1.0, "b": 2.0}, {"b": 1.0, "c": 1.0}) == pytest.approx(1.0 / 4.0)
    assert weighted_jaccard({"a": 1.0}, {"b": 1.0}) == 0.0
    assert weighted_jaccard({}, {}) == 1.0


@given(st.lists(BAGS, max_size=6), BAGS)
def test_the_nearest_is_what_comparing_with_all_finds(known: list[dict[str, float]], asked: dict[str, float]) -> None:
    index = BagIndex()
    for number, each in enumerate(known):
        index.add(str(number), each)
    assert index.nearest(asked) == pytest.approx(max((weighted_jaccard(asked, each) for each in known), default=0.0))


def test_a_shape_is_known_once() -> None:
    index = BagIndex()
    index.add("one", {"a": 1.0})
    index.add("one", {"b": 1.0})
    assert len(index) == 1 and index.nearest({"b": 1.0}) == 0.0
