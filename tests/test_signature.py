from __future__ import annotations

from math import log1p

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionlog.signature import Signatures, resemblance, signature
from tests.factories import make_window

SIGNATURES = st.dictionaries(st.sampled_from("abcdef"), st.floats(0.1, 5.0), min_size=1)


def test_a_signature_weighs_events_by_the_logarithm_of_their_count() -> None:
    found = signature(make_window("up", "up", "down").events)
    assert sorted(found.values()) == [log1p(1), log1p(2)]


def test_resemblance_is_shared_weight_over_all_weight() -> None:
    assert resemblance({"a": 1.0, "b": 2.0}, {"b": 1.0, "c": 1.0}) == pytest.approx(1.0 / 4.0)
    assert resemblance({"a": 1.0}, {"b": 1.0}) == 0.0
    assert resemblance({}, {}) == 1.0


@given(st.lists(SIGNATURES, max_size=6), SIGNATURES)
def test_the_nearest_is_what_comparing_with_all_finds(known: list[dict[str, float]], asked: dict[str, float]) -> None:
    signatures = Signatures()
    for number, each in enumerate(known):
        signatures.add(str(number), each)
    assert signatures.nearest(asked) == pytest.approx(max((resemblance(asked, each) for each in known), default=0.0))


def test_a_shape_is_known_once() -> None:
    signatures = Signatures()
    signatures.add("one", {"a": 1.0})
    signatures.add("one", {"b": 1.0})
    assert len(signatures) == 1 and signatures.nearest({"b": 1.0}) == 0.0
