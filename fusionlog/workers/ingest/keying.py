"""The first stage of a repartitioned system: lines of a raw partition to records keyed by their session."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from zlib import crc32

from fusionlog.errors import RecordError
from fusionlog.kafka import codecs
from fusionlog.parsing.envelopes import EnvelopeReader
from fusionlog.parsing.envelopes.places import NOWHERE, LinePlace
from fusionlog.parsing.parser import Event, Parser
from fusionlog.parsing.windows import Membership, Share
from fusionlog.records import KeyedLine, Seconds, Window
from fusionlog.settings import IngestSettings, SystemSettings
from fusionlog.topics import Topic
from fusionlog.types import Clock, Position
from fusionlog.utils.json_format import Tree
from fusionlog.workers.ingest.line_report import LineReport
from fusionlog.workers.ingest.made import KeyedLines, Made
from fusionlog.workers.ingest.partition_processor import PartitionProcessor
from fusionlog.workers.ingest.read_line import ReadLine
from fusionlog.workers.ingest.resume_state import CoveredLines, ResumeState, to_metadata

_NOTHING: Tree = {}


def partition_of(session: str, partitions: int) -> int:
    """The partition of a session in the keyed topic, the same on every worker."""
    return crc32(session.encode(errors="surrogatepass")) % partitions


class _NoClock:
    """The event clock of what closes no window."""

    def allow(self, seconds: float) -> None:
        """Do nothing."""


class LineKeyer:
    """Prepares the lines of one raw partition for the keyed topic, in the place of a windower.

    :param topic: the keyed topic.
    :param partitions: the number of its partitions.
    :param raw: the name of the raw topic.
    :param epoch: greater where the raw partition's offsets began again.
    """

    in_hand = first_open = first_waiting = first_anchor = None
    outliers = overflowed = 0
    clock = _NoClock()

    def __init__(self, topic: Topic, partitions: int, raw: str, partition: int, epoch: int) -> None:
        self._limit = topic.max_message_bytes - codecs.FRAME_BYTES
        self._partitions, self._raw, self._partition, self.epoch = partitions, raw, partition, epoch
        self._last: Position = (-1, 0)
        self._after: dict[int, tuple[int, int, int]] = {}
        self._unacked: Counter[int] = Counter()
        self._records: dict[int, list[tuple[bytes, bytes]]] = {}
        self._lines = self._memberships = 0
        self._anchor: Position = (-1, 0)
        self.shared = 0
        """Memberships of lines in other sessions than their first."""

    def add(
        self, event: Event, position: Position, time: Seconds, membership: Membership | None = None,
        decided: bool = False, stated: Seconds | None = None, place: LinePlace = NOWHERE,
        arrived: Seconds | None = None, fields: Tree = _NOTHING,
    ) -> Sequence[Window]:  # fmt: skip
        """Take a line of an event without a template; it closes nothing.

        :param arrived: Kafka's time of its record, where that is not the line's.
        :param stated: the time that the line or its envelope has; None: it has none.
        :param place: its host and its file.
        :param fields: what its event may depend on, of its envelope.
        :raises RecordError: `too-long`, `not-text`: no record can hold it; `offset-order`: its position is not greater
            than the last one.
        """
        if position <= self._last:
            raise RecordError("offset-order", f"{self._raw}/{self._partition}/{position} comes after {self._last}")
        self._last = position
        after = dict(self._after) if event.more else self._after
        made = []
        for member, session in enumerate((event.session or "", *event.more)):
            partition = partition_of(session, self._partitions)
            line = KeyedLine(
                session=session, text=event.line, time=time, arrived=time if arrived is None else arrived,
                topic=self._raw, partition=self._partition, offset=position[0], index=position[1], member=member,
                stated=stated is not None,
                epoch=self.epoch, after=after.get(partition), fields=fields, host=place.host, file=place.file,
            )  # fmt: skip
            made.append((partition, self._written(line)))
            after[partition] = position[0], position[1], member
        self._after = after
        for partition, record in made:
            self._records.setdefault(partition, []).append(record)
        anchor = position if membership is None else membership.anchor
        if not self._memberships or anchor < self._anchor:
            self._anchor = anchor
        self._lines += membership is None or membership.counted
        self._memberships += len(made)
        self.shared += len(made) - 1
        return ()

    def taken(self) -> KeyedLines | None:
        """The lines since the last call."""
        if not self._records:
            return None
        keyed = KeyedLines(self._records, Share(self._lines, self._memberships, self._anchor))
        self._unacked.update(self._records.keys())
        self._records, self._lines, self._memberships = {}, 0, 0
        return keyed

    def acknowledged(self, keyed: KeyedLines) -> None:
        """Note that Kafka has lines. The next one of a partition needs no predecessor where Kafka has all before it."""
        for partition in keyed.records:
            self._unacked[partition] -= 1
            if not self._unacked[partition] and partition not in self._records:
                self._after.pop(partition, None)

    def advance(self, time: Seconds) -> Sequence[Window]:
        """Nothing: a time closes nothing."""
        return ()

    def flush(self) -> Sequence[Window]:
        """Nothing: no window is open."""
        return ()

    def begins_at(self, offset: int) -> bool:
        """False: no window is open."""
        return False

    def share(self, window: Window) -> Share:
        """Nothing: no window is closed."""
        return Share(0, 0, (0, 0))

    def _written(self, line: KeyedLine) -> tuple[bytes, bytes]:
        """The key and value of a line's record."""
        try:
            key, value = line.session.encode(), codecs.encode(line)
        except (ValueError, OverflowError, TypeError) as error:
            raise RecordError("not-text", f"the line cannot be written as JSON: {error}") from error
        if len(key) + len(value) > self._limit:
            raise RecordError("too-long", f"the line has {len(value)} bytes with its fields, more than {self._limit}")
        return key, value


class KeyingProcessor(PartitionProcessor):
    """The processor of a raw partition whose lines go to the keyed topic. Nothing is mined here.

    :param epoch: that of the keyer, kept in the commit.
    """

    def __init__(
        self, system: str, settings: SystemSettings, ingest: IngestSettings, parser: Parser, keyer: LineKeyer,
        start: int, resume_state: ResumeState, covered: CoveredLines | None = None, clock: Clock = time.time,
        report: LineReport | None = None, reader: EnvelopeReader | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            system, settings, ingest, parser, keyer, start, resume_state, covered, clock, report, reader
        )  # fmt: skip
        self._event_of = parser.without_template
        self._keyer, self._in_flight = keyer, 0

    def acknowledged(self, made: Made, route: str = "") -> bool:
        """Note that the keyed topic has lines, or that Kafka has a dead letter; False after a release."""
        if not isinstance(made, KeyedLines):
            return super().acknowledged(made, route)
        if self._released:
            return False
        self._keyer.acknowledged(made)
        self._in_flight -= made.share.memberships
        self.tally.keyed(made.share)
        self._watermark.acked(made.share.anchor)
        return True

    @property
    def unacked(self) -> int:
        """The number of keyed lines and dead letters that Kafka has not acknowledged, and of batches of them."""
        return super().unacked + self._in_flight

    def commit(self) -> tuple[int, str]:
        """The offset to commit, with the metadata for the next reader."""
        position = self.position
        return position, to_metadata(self.resume_state.places(position), epoch=self._keyer.epoch)

    def _window(
        self, event: Event, position: Position, read: ReadLine, moment: Seconds, stated: Seconds | None,
        membership: Membership | None,
    ) -> None:  # fmt: skip
        """Give a line to its sessions, with the time of its record and what its event needs of its envelope."""
        self._added += 1
        fields = self._parser.needed(read.raw.fields) if read.raw is not None and read.raw.fields else {}
        try:
            place = self._places.of(read.raw)
            self._keyer.add(event, position, moment, membership, False, stated, place, read.time, fields)
        except RecordError as error:
            self._refused(position, read.key, read.value, error)

    def _finished(self) -> list[Made]:
        """Publish the counts; what was made since the last call."""
        made, keyed = super()._finished(), self._keyer.taken()
        if keyed is None:
            return made
        self._watermark.sent(keyed.share.anchor)
        self._in_flight += keyed.share.memberships
        return [*made, keyed]
