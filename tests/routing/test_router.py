from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionlog.embedding.encoder import VectorCache
from fusionlog.records import BankEvent, template_id
from fusionlog.routing.bank import Bank, nearest
from fusionlog.routing.router import Router
from fusionlog.routing.threshold import DEFAULT_TAU, choose_tau
from tests.encoders import WORDS, WordEncoder
from tests.factories import make_event, make_release, make_window

TEXTS = st.lists(st.sampled_from(WORDS[2:]), min_size=0, max_size=4).map(" ".join)


def judged(text: str, probability: float = 0.0, system: str = "shop") -> BankEvent:
    return BankEvent(system=system, template=template_id(text), text=text, probability=probability)


def make_bank(*texts: str, system: str = "other") -> Bank:
    events = [judged(text, system=system) for text in texts]
    return Bank((), np.zeros((0, 6), np.float32), np.zeros(0, np.bool_)).with_events(events, WordEncoder()(texts))


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


def pairs(cosine: float, agree: int, disagree: int) -> tuple[list[np.ndarray], list[float]]:
    """Pairs of vectors at a cosine, at right angles to all other pairs, whose verdicts agree or not."""
    dim, vectors, verdicts = 200, [], []
    for number in range(agree + disagree):
        one, other = np.zeros(dim, np.float32), np.zeros(dim, np.float32)
        one[2 * number] = 1
        other[2 * number], other[2 * number + 1] = cosine, (1 - cosine**2) ** 0.5
        vectors += [one, other]
        same = float(number % 2)
        verdicts += [same, same if number < agree else 1 - same]
    return vectors, verdicts


def tau_of(**sources: list[tuple[float, int, int]]) -> float:
    vectors: list[np.ndarray] = []
    verdicts: list[float] = []
    systems: list[str] = []
    for name, groups in sources.items():
        offset = 0
        for cosine, agree, disagree in groups:
            some, said = pairs(cosine, agree, disagree)
            vectors += [np.roll(vector, offset) for vector in some]
            verdicts += said
            systems += [name] * len(said)
            offset += 2 * (agree + disagree)
    return choose_tau(np.array(vectors, np.float32), np.array(verdicts, np.float32), systems)


def test_tau_is_the_smallest_at_which_neighbours_agree() -> None:
    assert tau_of(a=[(0.96, 10, 0), (0.83, 10, 0), (0.78, 5, 5)]) == 0.8


def test_tau_is_that_of_the_source_that_needs_most() -> None:
    easy, hard = [(0.96, 10, 0), (0.72, 10, 0)], [(0.96, 10, 0), (0.87, 2, 8)]
    assert tau_of(a=easy) == 0.7
    assert tau_of(a=easy, b=hard) == tau_of(b=hard, a=easy) == 0.9


def test_neighbours_that_never_agree_give_the_greatest_tau() -> None:
    assert tau_of(a=[(0.99, 0, 12)]) == 0.95


def test_a_single_odd_pair_proves_nothing() -> None:
    assert tau_of(a=[(0.86, 20, 0), (0.5, 4, 4)]) == tau_of(a=[(0.86, 19, 1), (0.5, 4, 4)]) == 0.7
    assert tau_of(a=[(0.86, 17, 3), (0.5, 4, 4)]) == 0.9


@pytest.mark.parametrize(("agree", "verdict"), [(4, None), (15, 0.0)])
def test_too_little_evidence_gives_the_default(agree: int, verdict: float | None) -> None:
    vectors, verdicts = pairs(0.8, agree, 0)
    said = verdicts if verdict is None else [verdict] * len(verdicts)
    assert choose_tau(np.array(vectors), np.array(said, np.float32), ["a"] * len(said)) == DEFAULT_TAU


def test_no_sources_give_the_default() -> None:
    assert choose_tau(np.zeros((0, 3), np.float32), np.zeros(0, np.float32), []) == DEFAULT_TAU


def test_near_events_can_be_asked_for() -> None:
    router = make_router(make_bank("disk failed", "connection opened"))
    near = router.neighbours([make_event("connection opened"), make_event("full")])
    assert (near[0].similarity, near[0].row) == (1.0, 1)
    assert near[1].similarity == 0.0
