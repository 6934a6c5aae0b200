"""The ingest pipeline: a partition processor a raw partition, a parser a system, one output."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import structlog
from aiokafka import TopicPartition

from fusionlog.kafka.crash_notes import RecordCrash, Suspect, Unit, culpable
from fusionlog.kafka.partition_handler import Confirm
from fusionlog.kafka.producer import Producer
from fusionlog.observability import metrics
from fusionlog.parsing.parser import Parser
from fusionlog.parsing.windows import Windower
from fusionlog.records import Template, Window
from fusionlog.settings import Settings
from fusionlog.topics import CANARY
from fusionlog.utils.expression_limit import Watch
from fusionlog.workers.ingest.keyed_processor import KeyedProcessor
from fusionlog.workers.ingest.keying import KeyingProcessor, LineKeyer
from fusionlog.workers.ingest.line_report import LineReport
from fusionlog.workers.ingest.made import Made, Processor, RawRecord
from fusionlog.workers.ingest.origins import Origins
from fusionlog.workers.ingest.output import IngestOutput, Routing
from fusionlog.workers.ingest.partition_processor import PartitionProcessor
from fusionlog.workers.ingest.resume_state import (
    CoveredLines,
    CoveredOrigins,
    Metadata,
    OutputOffsets,
    ResumeState,
    WrittenWindow,
    metadata_of,
)
from fusionlog.workers.ingest.scattered import ScatteredSessions

log = structlog.get_logger(__name__)

# So many lines are parsed before others (heartbeats, acknowledgements) get their turn.
SLICE_LINES = 500
SLOW_SLICE_LINES = 20
"""The same while lines keep an expression busy: a worker whose heartbeats wait too long loses its partitions."""
SETTLE_POLL_SECONDS = 0.01


async def _always() -> None:
    """The confirmation of a pipeline without a consumer group: its partitions are never lost."""


async def _passed(place: TopicPartition) -> None:
    """The `passed` of a pipeline without a consumer group: it has no crash notes."""


@contextmanager
def _in_hand(place: TopicPartition, processor: Processor) -> Iterator[None]:
    """Name the record in hand at an exception that may be its fault."""
    try:
        yield
    except Exception as error:
        if culpable(error):
            raise RecordCrash({place: (processor.in_hand, processor.in_hand)}) from error
        raise


class IngestPipeline:
    """Raw records of several partitions to routed windows. For one task at a time: the consumer holds a lock.

    `watch` is that of the systems' own expressions. `confirm` is awaited before each send, `passed` when the records
    that a crash note names were handled.
    """

    def __init__(
        self, settings: Settings, producer: Producer, route: Routing, templates: Iterable[Template],
        watch: Watch | None = None,
    ) -> None:  # fmt: skip
        """`templates` are the known ones of all systems."""
        self._settings, self._watch = settings, watch or Watch()
        self._parsers = {
            name: Parser(name, system, settings.ingest, watch=self._watch) for name, system in settings.ingested.items()
        }
        known = list(templates)
        for parser in self._parsers.values():
            parser.restore(known)
        self._output = IngestOutput(settings, producer, route)
        self._processors: dict[TopicPartition, Processor] = {}
        self._reports = {name: LineReport(name, system) for name, system in settings.ingested.items()}
        self._scattered = {
            name: ScatteredSessions(name, system.window.idle_seconds)
            for name, system in settings.ingested.items()
            if system.window.by == "session" and not system.repartition
        }
        self._suspects: dict[TopicPartition, Suspect] = {}
        self.outputs = OutputOffsets()
        self.confirm: Confirm = _always
        self.passed: Callable[[TopicPartition], Awaitable[None]] = _passed
        self.partitions: Mapping[str, int] = {}
        """The number of partitions of keyed topics, by name."""

    def open(
        self, place: TopicPartition, start: int, emitted: Sequence[WrittenWindow], suspect: Suspect | None = None,
        metadata: str = "",
    ) -> None:  # fmt: skip
        """Open a raw or keyed partition at an offset, given the windows of it that were emitted before.

        :param suspect: the record, or the window that begins with it, that may have crashed workers.
        :param metadata: that of the commit that the offset is from.
        """
        own = [laid for laid in emitted if (laid.window.topic, laid.window.partition) == (place.topic, place.partition)]
        self._processors[place] = self._processor(place, start, own, metadata_of(metadata))
        if suspect is not None:
            self._suspects[place] = suspect

    def _processor(
        self, place: TopicPartition, start: int, emitted: Sequence[WrittenWindow], metadata: Metadata | None
    ) -> Processor:
        """The processor of a partition: of one or the other stage of a repartitioned system, or of both in one."""
        topics, ingest = self._settings.topics, self._settings.ingest
        name = topics.system_of(place.topic)
        system, parser, report = self._settings.ingested[name], self._parsers[name], self._reports[name]
        resume_state, windows = ResumeState(self.outputs, emitted), [laid.window for laid in emitted]
        windower = Windower(name, system.window, place.topic, place.partition, ingest.max_open_sessions)
        if topics.is_keyed(place.topic):
            origins = (metadata.origins if metadata else None) or Origins(complete=start == 0)
            return KeyedProcessor(
                name, system, ingest, parser, windower, start, resume_state, origins, CoveredOrigins(windows),
                report=report,
            )  # fmt: skip
        covered = CoveredLines(windows, system.window.by == "session") if windows else None
        if not system.repartition:
            return PartitionProcessor(
                name, system, ingest, parser, windower, start, resume_state, covered, report=report
            )  # fmt: skip
        keyed = topics.keyed(name)
        epoch = (metadata.epoch if metadata else 0) or int(time.time())
        keyer = LineKeyer(keyed, self.partitions.get(keyed.name, keyed.partitions), place.topic, place.partition, epoch)
        return KeyingProcessor(name, system, ingest, parser, keyer, start, resume_state, covered, report=report)

    def has(self, place: TopicPartition) -> bool:
        """Whether this raw partition is open."""
        return place in self._processors

    async def take(self, place: TopicPartition, records: Sequence[RawRecord]) -> None:
        """Process records of a raw partition, in order.

        :raises RecordCrash: an unexpected exception, with the record or window in hand.
        """
        processor = self._processors[place]
        for part in self._parts(place, records):
            for made in self._made(place, processor, part):
                await self._send(processor, place, made)
            await self._send_templates(processor.system)
            await self._pass_on(place, processor)
            await asyncio.sleep(0)

    async def tick(self) -> None:
        """Close the windows of silent partitions, and log what an operator must know.

        :raises BrokerError: Kafka refused a record; its lines must be read again.
        """
        if self._output.error is not None:
            raise self._output.error
        for place, processor in self._processors.items():
            for made in self._silent(place, processor):
                await self._send(processor, place, made)
            await self._send_templates(processor.system)
            await self._pass_on(place, processor)
        for system, report in self._reports.items():
            self._log(system, *report.due(time.monotonic()))

    def skip_to(self, place: TopicPartition, offset: int) -> None:
        """Note that a partition has no record to come before this offset."""
        self._processors[place].skip_to(offset)

    def deleted(self, place: TopicPartition) -> None:
        """Note that retention deleted records of a partition before they were read."""
        if place in self._processors:
            self._processors[place].deleted()

    @property
    def unacked(self) -> int:
        """The number of windows, dead letters and keyed lines that Kafka has not acknowledged."""
        return sum(processor.unacked for processor in self._processors.values())

    def positions(self) -> Mapping[TopicPartition, tuple[int, str]]:
        """The commit of every open raw partition: its offset, and the metadata for its next reader."""
        return {place: processor.commit() for place, processor in self._processors.items()}

    async def settle(self, seconds: float) -> bool:
        """Wait until Kafka has acknowledged every send; return whether it has."""
        deadline = time.monotonic() + seconds
        while self.unacked:
            if time.monotonic() > deadline or self._output.error is not None:
                return False
            await asyncio.sleep(SETTLE_POLL_SECONDS)
        return True

    def close(self) -> None:
        """Release all raw partitions."""
        for processor in self._processors.values():
            processor.release()
        self._processors.clear()
        self._suspects.clear()

    def _parts(self, place: TopicPartition, records: Sequence[RawRecord]) -> Iterable[Sequence[RawRecord]]:
        """The records in slices; a condemned one is a slice of its own."""
        given_up, alone = self._given_up(place, "record"), set[int]()
        if given_up is not None:
            alone = {each for n, record in enumerate(records) if record.offset == given_up.first for each in (n, n + 1)}
        start = 0
        while start < len(records):
            end = start + (SLOW_SLICE_LINES if self._watch.is_slow else SLICE_LINES)
            end = min([end, *(each for each in alone if each > start)])
            yield records[start:end]
            start = end

    def _made(self, place: TopicPartition, processor: Processor, part: Sequence[RawRecord]) -> Sequence[Made]:
        """The windows and dead letters of a slice; a condemned record is a dead letter."""
        given_up = self._given_up(place, "record")
        if given_up is not None and part[0].offset == given_up.first:
            return processor.give_up(part[0], given_up.verdict())
        with _in_hand(place, processor):
            return processor.take(part)

    def _silent(self, place: TopicPartition, processor: Processor) -> Sequence[Made]:
        with _in_hand(place, processor):
            return processor.silent()

    async def _send(self, processor: Processor, place: TopicPartition, made: Made) -> None:
        """Send a processor's windows and dead letters, each after `confirm`."""
        await self.confirm()
        if not isinstance(made, Window):
            await self._output.send(processor, place, made)
            return
        if (scattered := self._scattered.get(made.system)) is not None and scattered.add(made):
            metrics.SESSIONS_SCATTERED.labels(made.system).inc()
        given_up = self._given_up(place, "window")
        if given_up is not None and made.first_offset == given_up.first:
            await self._output.give_up(processor, place, made, given_up.verdict())
            return
        try:
            await self._output.send(processor, place, made)
        except Exception as error:
            if culpable(error):
                raise RecordCrash({place: (made.first_offset, made.first_offset)}, "window") from error
            raise

    def _given_up(self, place: TopicPartition, unit: Unit) -> Suspect | None:
        suspect = self._suspects.get(place)
        return suspect if suspect is not None and suspect.condemned and suspect.unit == unit else None

    async def _pass_on(self, place: TopicPartition, processor: Processor) -> None:
        """Take away a partition's crash note when what it names was handled, or given up, and sent: the lines of its
        records, or the windows that begin with them."""
        suspect = self._suspects.get(place)
        if suspect is None or not processor.handled(suspect.last):
            return
        if suspect.unit == "window" and processor.begins_at(suspect.last):
            return
        del self._suspects[place]
        await self.passed(place)

    def _log(self, system: str, warnings: Sequence[str], summary: str | None) -> None:
        scattered = self._scattered.get(system)
        if summary is not None:
            warning = scattered.warning() if scattered is not None else None
            for sentence in [*warnings, *([warning] if warning else [])]:
                log.warning(sentence)
            # The canary has metrics of its own: each of its minutes is no news.
            (log.debug if system == CANARY else log.info)(summary)

    async def _send_templates(self, system: str) -> None:
        for template in self._parsers[system].new_templates(time.time()):
            await self._output.send_template(template)
        metrics.TEMPLATES.labels(system).set(self._parsers[system].templates)
