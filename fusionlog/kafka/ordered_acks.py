"""Ordered acknowledgement: messages finish in any order, and are acknowledged in that of their partition.

Faust commits up to the first gap among the acknowledged offsets that it knows of; before a group's first commit it
knows no beginning, and takes an acknowledged offset in the middle for one. So nothing is acknowledged here before all
that came before it in its partition.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from fusionlog.kafka.batch_output import Message

Place = tuple[str, int]


@dataclass
class Delivery:
    """A message with the call that acknowledges it."""

    message: Message
    ack: Callable[[], object]
    finished: bool = False

    @property
    def place(self) -> Place:
        """The message's topic and partition."""
        return self.message.topic, self.message.partition


class OrderedAcks:
    """The deliveries that are not acknowledged yet, by partition."""

    def __init__(self) -> None:
        self._held: dict[Place, OrderedDict[int, Delivery]] = defaultdict(OrderedDict)

    def add(self, delivery: Delivery) -> None:
        """Hold a delivery until it and all before it in its partition are finished.

        An offset that goes back means that the partition is read again from there: what is held of it is dropped."""
        held, offset = self._held[delivery.place], delivery.message.offset
        if held and offset <= next(reversed(held)):
            held.clear()
        held[offset] = delivery

    def finish(self, delivery: Delivery) -> None:
        """Finish a delivery; it is acknowledged when all before it are finished, and never if it is no longer held."""
        delivery.finished = True
        held = self._held[delivery.place]
        while held and (first := next(iter(held.values()))).finished:
            held.popitem(last=False)
            first.ack()

    def held(self, delivery: Delivery) -> bool:
        """Whether a delivery is held."""
        return self._held[delivery.place].get(delivery.message.offset) is delivery

    def forget(self, place: Place) -> None:
        """Drop the deliveries of a partition that is another worker's now."""
        self._held.pop(place, None)

    def blocked(self, place: Place, limit: int) -> Delivery | None:
        """The first delivery of a partition in which `limit` others wait behind it; None where there is none."""
        held = self._held[place]
        return next(iter(held.values())) if len(held) > limit else None
