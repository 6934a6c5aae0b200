from __future__ import annotations

from fusionlog.explanation.priority_pool import Candidate, Pool
from fusionlog.records import Anomaly
from tests.factories import make_anomaly

LOW, HIGH, SAME = (make_anomaly(text, score=score) for text, score in (("a", 0.6), ("b", 0.9), ("c", 0.9)))
MILL = make_anomaly("a", score=0.7, system="mill")


def name(candidate: Candidate[str] | None) -> str | None:
    return candidate.item if candidate else None


def pool_of(*anomalies: Anomaly, size: int = 10) -> Pool[str]:
    pool: Pool[str] = Pool(size)
    for number, anomaly in enumerate(anomalies):
        assert pool.add(anomaly, f"item {number}") is None
    return pool


def test_the_highest_score_comes_first_and_the_earliest_of_equals() -> None:
    pool = pool_of(LOW, HIGH, SAME)
    assert name(pool.best(lambda each: True)) == "item 1" and len(pool) == 3
    assert name(pool.take(HIGH)) == "item 1" and name(pool.best(lambda each: True)) == "item 2"


def test_a_system_that_cannot_be_paid_for_waits_and_another_does_not() -> None:
    pool = pool_of(HIGH, MILL)
    assert name(pool.best(lambda each: each.anomaly.system == "mill")) == "item 1"
    assert pool.best(lambda each: False) is None
    assert pool.systems() == ["shop", "mill"] and (pool.count("shop"), pool.count("till")) == (1, 0)


def test_the_lowest_score_leaves_a_full_pool_be_it_the_newcomer() -> None:
    pool = pool_of(LOW, HIGH, size=2)
    assert pool.full and name(pool.add(MILL, "mill")) == "item 0"
    assert name(pool.add(LOW, "low")) == "low" and name(pool.add(SAME, "same")) == "mill"
    assert name(pool.add(make_anomaly("d", score=0.9), "latest")) == "latest", "those before it have waited longer"


def test_a_score_that_rose_counts() -> None:
    pool = pool_of(HIGH, LOW)
    waiting = pool.get(LOW)
    assert waiting is not None
    waiting.score = 0.95
    assert name(pool.best(lambda each: True)) == "item 1"
