from collections.abc import Sequence
from typing import Any

import numpy as np

from fusionlog.alpha.annotation import Annotation, Annotator
from fusionlog.settings import AlphaSettings


class Oracle:
    """Knows which places are anomalous, and cannot judge some."""

    def __init__(self, bad: set[int], dumb: set[int] | None = None) -> None:
        self.bad, self.dumb, self.asked = bad, dumb or set(), list[int]()

    async def __call__(self, places: Sequence[int]) -> dict[int, float]:
        self.asked += places
        return {place: 0.9 if place in self.bad else 0.1 for place in places if place not in self.dumb}


def blobs(*centres: float, size: int = 20) -> Any:
    random = np.random.default_rng(1)
    return np.concatenate([random.normal(centre, 0.05, (size, 2)) for centre in centres]).astype(np.float32)


async def annotate(vectors: Any, oracle: Oracle, units: int, **settings: int) -> Annotation:
    weights = np.ones(len(vectors), dtype=np.float32)
    return await Annotator(vectors, weights, units, AlphaSettings(**settings), oracle).annotate()


async def test_the_others_inherit_the_verdict_of_those_that_stand_for_them() -> None:
    oracle = Oracle(set(range(20, 40)))
    said = await annotate(blobs(0, 9), oracle, 12)
    assert len(oracle.asked) == len(set(oracle.asked)) == len(said.own) == 12
    verdicts = {place: each.anomalous for place, each in said.inherited.items()}
    assert verdicts == {place: place >= 20 for place in range(40) if place not in said.own}
    assert all((each.like >= 20) == each.anomalous and each.share == 1.0 for each in said.inherited.values())


async def test_a_judged_window_keeps_its_own_verdict_in_a_cluster_of_others() -> None:
    oracle = Oracle({7})
    said = await annotate(blobs(0), oracle, 20)
    assert len(said.own) == 20 and not said.inherited
    assert [place for place, value in said.own.items() if value >= 0.5] == [7]


async def test_a_cluster_whose_representatives_disagree_is_split_and_asked_about_again() -> None:
    """Two groups that lie so near that they are one cluster beside a far one."""
    near = blobs(0, 0.6, 50)
    oracle = Oracle(set(range(20, 40)))
    said = await annotate(near, oracle, 15)
    wrong = [place for place, each in said.inherited.items() if each.anomalous != (20 <= place < 40)]
    assert len(said.clusters) >= 3 and not wrong


async def test_no_more_is_asked_than_the_units_pay_for() -> None:
    oracle = Oracle(set(range(0, 60, 2)))
    said = await annotate(blobs(0, 3, 6), oracle, 7)
    assert len(oracle.asked) == len(said.own) == 7 and said.inherited


async def test_what_is_left_of_the_budget_goes_to_what_is_farthest_from_the_judged() -> None:
    vectors = np.concatenate([blobs(0, size=30), np.array([[0.5, 0.5]], dtype=np.float32)])
    oracle = Oracle({30})
    said = await annotate(vectors, oracle, 14, uncertain=0, central=1)
    assert said.own[30] == 0.9


async def test_what_the_teacher_cannot_judge_inherits_too() -> None:
    oracle = Oracle(set(), dumb={3})
    said = await annotate(blobs(0), oracle, 20)
    assert 3 not in said.own and not said.inherited[3].anomalous


async def test_one_window_alone_is_asked_about() -> None:
    said = await annotate(np.ones((1, 2), dtype=np.float32), Oracle({0}), 5)
    assert said.own == {0: 0.9} and not said.inherited


async def test_without_units_nobody_has_a_verdict() -> None:
    said = await annotate(blobs(0), Oracle(set()), 0)
    assert not said.own and not said.inherited
