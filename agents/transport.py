"""Faust's transport with a consumer that stops within a bounded time, also while Kafka is away."""

from __future__ import annotations

import logging
from typing import ClassVar

from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport
from faust.types.transports import ConsumerT

from fusionlog.kafka.stopping import CLOSE_SECONDS, LEAVE_SECONDS, bounded


class BoundedThread(AIOKafkaConsumerThread):
    """The thread of aiokafka's consumer. mode waits for its end for a minute, aiokafka for Kafka's answers."""

    logger = logging.getLogger("faust.transport")

    async def on_thread_stop(self) -> None:
        """Stop the consumer; what was acknowledged and not committed by then is read again."""
        await bounded(super().on_thread_stop(), CLOSE_SECONDS, "the consumer of the group")


class BoundedConsumer(Consumer):
    """A consumer whose last commit and whose thread take a bounded time."""

    logger = logging.getLogger("faust.transport")

    def _new_consumer_thread(self) -> AIOKafkaConsumerThread:
        return BoundedThread(self, loop=self.loop, beacon=self.beacon)

    async def on_stop(self) -> None:
        """Commit what was acknowledged, as far as Kafka answers."""
        await bounded(super().on_stop(), LEAVE_SECONDS, "the last commit")


class BoundedTransport(Transport):
    """The transport with that consumer."""

    Consumer: ClassVar[type[ConsumerT]] = BoundedConsumer
