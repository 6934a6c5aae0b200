from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fusionlog.kafka.ordered_acks import Delivery, OrderedAcks
from tests.workers.memory import Message


class Partition:
    """Deliveries of one partition, and which were acknowledged."""

    def __init__(self, order: OrderedAcks, number: int = 0) -> None:
        self.order, self.number, self.acked = order, number, list[int]()

    def deliver(self, offset: int) -> Delivery:
        message = Message(b"", topic="anomalies", partition=self.number, offset=offset)
        delivery = Delivery(message, lambda: self.acked.append(offset))
        self.order.add(delivery)
        return delivery


@given(st.permutations(range(8)), st.integers(0, 8))
def test_an_offset_is_acknowledged_when_all_before_it_are_finished(finished: list[int], count: int) -> None:
    partition = Partition(order := OrderedAcks())
    deliveries = [partition.deliver(offset) for offset in range(8)]
    done = finished[:count]
    for offset in done:
        order.finish(deliveries[offset])
    first_open = min(set(range(8)) - set(done), default=8)
    assert partition.acked == list(range(first_open))


def test_partitions_do_not_wait_for_each_other() -> None:
    order = OrderedAcks()
    one, other = Partition(order, 0), Partition(order, 1)
    one.deliver(0)
    order.finish(other.deliver(7))
    assert (one.acked, other.acked) == ([], [7])


def test_what_is_read_again_begins_anew() -> None:
    partition = Partition(order := OrderedAcks())
    before = [partition.deliver(offset) for offset in (3, 4)]
    again = partition.deliver(3)
    assert order.held(again) and not order.held(before[0])
    order.finish(before[0])
    assert partition.acked == []
    order.finish(again)
    assert partition.acked == [3]


def test_what_holds_back_others_is_found_and_a_partition_that_left_is_forgotten() -> None:
    partition = Partition(order := OrderedAcks())
    first, *rest = (partition.deliver(offset) for offset in range(3))
    for delivery in rest:
        order.finish(delivery)
    assert order.blocked(first.place, 2) is first and order.blocked(first.place, 3) is None
    order.forget(first.place)
    assert not order.held(first) and order.blocked(first.place, 0) is None
