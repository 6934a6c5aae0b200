"""Messages that are finished in any order, and acknowledged in that of their partition.

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
    """A message, and how it is acknowledged."""

    message: Message
    ack: Callable[[], object]
    finished: bool = False

    @property
    def place(self) -> Place:
        """Its topic and partition."""
        return self.message.topic, self.message.partition


class OrderedAcks:
    """What was delivered and is not acknowledged yet."""

    def __init__(self) -> None:
        self._held: dict[Place, OrderedDict[int, Delivery]] = defaultdict(OrderedDict)

    def add(self, delivery: Delivery) -> None:
        """Hold a delivery. One that goes back in its partition says that it is read again from there: what is held of
        it was delivered to nobody then."""
        held, offset = self._held[delivery.place], delivery.message.offset
        if held and offset <= next(reversed(held)):
            held.clear()
        held[offset] = delivery

    def finish(self, delivery: Delivery) -> None:
        """Acknowledge a delivery when all before it are finished; one that is no longer held, never."""
        delivery.finished = True
        held = self._held[delivery.place]
        while held and (first := next(iter(held.values()))).finished:
            held.popitem(last=False)
            first.ack()

    def held(self, delivery: Delivery) -> bool:
        """Whether a delivery is held still."""
        return self._held[delivery.place].get(delivery.message.offset) is delivery

    def forget(self, place: Place) -> None:
        """Hold nothing of a partition any more: it is another worker's now."""
        self._held.pop(place, None)

    def blocked(self, place: Place, limit: int) -> Delivery | None:
        """The delivery that holds back `limit` others of its partition; None where none does."""
        held = self._held[place]
        return next(iter(held.values())) if len(held) > limit else None
