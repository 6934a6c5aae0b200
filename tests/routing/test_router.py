from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionlog.embedding.encoder import VectorCache
from fusionlog.routing.bank import Bank
from fusionlog.routing.router import Router
from tests.encoders import WordEncoder
from tests.factories import make_event, make_window
from tests.routing.factories import TEXTS, judged, make_bank


def make_router(bank: Bank, encode: WordEncoder | None = None, tau: float = 0.8) -> Router:
    return Router("shop", bank, tau, "v1", VectorCache(encode or WordEncoder()))


def test_a_window_is_as_near_as_its_farthest_event() -> None:
    route = make_router(make_bank("disk failed", "connection opened")).route(
        make_window("connection opened", "disk full", "disk failed")
    )
    assert route.kind == "proprietary"
    assert route.similarity == pytest.approx(0.5)
    assert (route.least_similar_event, route.threshold, route.model) == ("disk full", 0.8, "v1")


def test_at_the_threshold_a_window_is_general() -> None:
    route = make_router(make_bank("disk failed"), tau=1.0).route(make_window("disk failed"))
    assert (route.kind, route.similarity, route.least_similar_event) == ("general", 1.0, None)


def test_an_empty_bank_knows_nothing() -> None:
    route = make_router(make_bank()).route(make_window("disk failed"))
    assert (route.kind, route.similarity) == ("proprietary", -1.0)


def test_an_event_of_placeholders_is_foreign_until_it_is_judged() -> None:
    window = make_window("<NUM> <*>", "disk failed")
    router = make_router(make_bank("disk failed", "<NUM> <*>"))
    assert router.route(window).similarity == -1.0
    router.grow(router.bank.with_events([judged("<NUM> <*>")], np.zeros((1, 6), np.float32)))
    assert router.route(window).kind == "general"


def test_seen_templates_are_a_look_up() -> None:
    encode = WordEncoder()
    router = make_router(make_bank("disk failed"), encode)
    first = router.route(make_window("disk failed", "disk full"))
    encode.encoded.clear()
    assert router.route(make_window("disk full", "disk failed", "disk failed")).similarity == first.similarity
    assert encode.encoded == []


@given(st.lists(TEXTS, max_size=5), st.lists(TEXTS, max_size=5), st.lists(TEXTS, min_size=1, max_size=5))
def test_a_bank_that_grows_routes_as_one_made_at_once(before: list[str], later: list[str], lines: list[str]) -> None:
    window = make_window(*lines)
    router = make_router(make_bank(*before))
    router.route(window)
    events = [judged(text) for text in later]
    grown = router.bank.with_events(events, WordEncoder()(later))
    router.grow(grown)
    assert router.route(window).similarity == pytest.approx(make_router(grown).route(window).similarity, abs=1e-5)


def test_near_events_can_be_asked_for() -> None:
    router = make_router(make_bank("disk failed", "connection opened"))
    near = router.neighbours([make_event("connection opened"), make_event("full")])
    assert (near[0].similarity, near[0].row) == (1.0, 1)
    assert near[1].similarity == 0.0
