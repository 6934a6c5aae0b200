"""The ingest pipeline: lanes for the raw partitions that this worker has, parsers by system, one sink."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence

import structlog
from aiokafka import TopicPartition

from fusionlog import metrics
from fusionlog.parsing.parser import Parser
from fusionlog.records import Template
from fusionlog.settings import Settings
from fusionlog.streaming.lane import Lane, Raw
from fusionlog.streaming.producer import Producer
from fusionlog.streaming.replay import Covered, Laid, Outputs, Trail, to_metadata
from fusionlog.streaming.sink import Routing, Sink
from fusionlog.windows import Windower

log = structlog.get_logger(__name__)

# So many lines are parsed before others (heartbeats, acknowledgements) get their turn.
SLICE_LINES = 500
SETTLE_POLL_SECONDS = 0.01


class Ingest:
    """What a `RawReader` feeds. Not safe for use from more than one task at a time: the reader holds a lock."""

    def __init__(self, settings: Settings, producer: Producer, route: Routing, templates: Iterable[Template]) -> None:
        """`templates` are those found earlier, of all systems."""
        self._settings = settings
        self._parsers = {name: Parser(name, system, settings.ingest) for name, system in settings.systems.items()}
        known = list(templates)
        for parser in self._parsers.values():
            parser.restore(known)
        self._sink = Sink(settings, producer, route)
        self._lanes: dict[TopicPartition, Lane] = {}
        self.outputs = Outputs()

    def open(self, place: TopicPartition, start: int, emitted: Sequence[Laid]) -> None:
        """A raw partition came; reading starts at this offset, and these windows of it were emitted before."""
        name = self._settings.topics.system_of(place.topic)
        system = self._settings.systems[name]
        own = [laid for laid in emitted if (laid.window.topic, laid.window.partition) == (place.topic, place.partition)]
        covered = Covered([laid.window for laid in own], system.window.by == "session") if own else None
        trail = Trail(self.outputs, own)
        windower = Windower(name, system.window, place.topic, place.partition)
        self._lanes[place] = Lane(
            name, system, self._settings.ingest, self._parsers[name], windower, start, trail, covered
        )

    def has(self, place: TopicPartition) -> bool:
        """Whether this raw partition is open."""
        return place in self._lanes

    async def take(self, place: TopicPartition, records: Sequence[Raw]) -> None:
        """Records of a raw partition, in order."""
        lane = self._lanes[place]
        for start in range(0, len(records), SLICE_LINES):
            for made in lane.take(records[start : start + SLICE_LINES]):
                await self._sink.send(lane, place, made)
            await self._send_templates(lane.system)
            await asyncio.sleep(0)

    async def tick(self) -> None:
        """Close the windows of partitions that fell silent.

        :raises BrokerError: Kafka refused something that was sent; it must be read again.
        """
        if self._sink.error is not None:
            raise self._sink.error
        for place, lane in self._lanes.items():
            for window in lane.silent():
                await self._sink.send(lane, place, window)

    @property
    def unacked(self) -> int:
        """How many windows and dead letters Kafka has not acknowledged."""
        return sum(lane.unacked for lane in self._lanes.values())

    def positions(self) -> Mapping[TopicPartition, tuple[int, str]]:
        """What to commit of every open raw partition: the offset, and the metadata for its next reader."""
        found: dict[TopicPartition, tuple[int, str]] = {}
        for place, lane in self._lanes.items():
            position = lane.position
            found[place] = position, to_metadata(lane.trail.places(position))
        return found

    async def settle(self, seconds: float) -> bool:
        """Wait until Kafka has all that was sent; whether it has."""
        deadline = time.monotonic() + seconds
        while self.unacked:
            if time.monotonic() > deadline or self._sink.error is not None:
                return False
            await asyncio.sleep(SETTLE_POLL_SECONDS)
        return True

    def close(self) -> None:
        """All raw partitions leave."""
        for lane in self._lanes.values():
            lane.release()
        self._lanes.clear()

    async def _send_templates(self, system: str) -> None:
        for template in self._parsers[system].new_templates(time.time()):
            await self._sink.send_template(template)
        metrics.TEMPLATES.labels(system).set(self._parsers[system].templates)
