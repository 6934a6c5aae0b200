"""How long a member may act without asking."""

from __future__ import annotations

from fusionlog.kafka.membership import Lease


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def lease() -> tuple[Lease, Clock]:
    clock = Clock()
    return Lease(session_timeout=30, rebalance_timeout=60, clock=clock), clock


def test_nothing_is_proven_before_the_first_answer() -> None:
    each, clock = lease()
    assert not each.valid
    each.begin()
    assert not each.valid
    each.confirm(clock.now)
    assert each.valid


def test_a_proof_counts_from_when_the_request_left() -> None:
    each, clock = lease()
    each.confirm(clock.now)
    clock.now += 29.9
    assert each.valid
    clock.now += 0.2
    assert not each.valid
    each.confirm(clock.now - 31)
    assert not each.valid, "the answer came late: the process was frozen meanwhile"


def test_a_rebalance_bounds_it_too() -> None:
    each, clock = lease()
    each.confirm(clock.now)
    each.rebalancing(clock.now - 15)
    for _ in range(4):
        clock.now += 11
        each.confirm(clock.now)
    assert each.valid
    clock.now += 2
    each.confirm(clock.now)
    assert not each.valid, "the coordinator waits 60 seconds for a member, whatever it answers to commits"
    each.begin()
    each.confirm(clock.now)
    assert each.valid


def test_a_refusal_ends_it() -> None:
    each, clock = lease()
    each.confirm(clock.now)
    each.end()
    assert not each.valid
