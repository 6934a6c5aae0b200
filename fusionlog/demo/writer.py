"""The writer of a demo: a recorded system's lines to its raw topic at a given rate, as a shipper would."""

from __future__ import annotations

import asyncio
from typing import Self

import msgspec
from aiokafka import AIOKafkaProducer

from fusionlog.demo.feed import Feed
from fusionlog.demo.progress import Progress
from fusionlog.kafka.client import kafka_errors, options
from fusionlog.kafka.producer import Ack
from fusionlog.settings import Settings

TICK_SECONDS = 0.1
# One partition, so that windows by count are those of the recording.
PARTITION = 0


class Writer:
    """A producer of raw lines, in the envelope of a shipper.

    The time of a line is in the envelope, not in the Kafka record: a recording may span weeks, and a broker removes
    records by their time.
    """

    def __init__(self, settings: Settings, feed: Feed, progress: Progress) -> None:
        self._settings, self._feed, self._progress = settings, feed, progress
        self._topic = settings.topics.raw(progress.target).name
        self._producer = AIOKafkaProducer(**options(settings.kafka), acks="all", linger_ms=20)
        self.first_offset = 0

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Connect to Kafka."""
        async with kafka_errors(self._settings.kafka, "starting the writer of lines"):
            await self._producer.start()

    async def stop(self) -> None:
        """Disconnect from Kafka."""
        await self._producer.stop()

    async def write_until(self, end: int, seconds: float) -> None:
        """Write the lines up to index `end`, evenly over `seconds`.

        :raises BrokerError: Kafka did not take them.
        """
        start = self._progress.lines_sent
        ticks = max(1, int(seconds / TICK_SECONDS))
        for tick in range(1, ticks + 1):
            await self._write(start + (end - start) * tick // ticks)
            await asyncio.sleep(TICK_SECONDS if seconds else 0)

    async def _write(self, end: int) -> None:
        async with kafka_errors(self._settings.kafka, f"writing to {self._topic}"):
            acks = [await self._send(number) for number in range(self._progress.lines_sent, end)]
            written = await asyncio.gather(*acks)
        if written and self._progress.lines_sent == 0:
            self.first_offset = written[0].offset
        self._progress.lines_sent = max(self._progress.lines_sent, end)

    async def _send(self, number: int) -> Ack:
        ack: Ack = await self._producer.send(
            self._topic,
            msgspec.json.encode({"timestamp": self._feed.times[number], "message": self._feed.lines[number]}),
            partition=PARTITION,
        )
        return ack
