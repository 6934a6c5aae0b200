from __future__ import annotations

import numpy as np
import pytest

from fusionlog.routing.threshold import DEFAULT_TAU, choose_tau


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
