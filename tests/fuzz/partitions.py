"""A partition of a system as an ingest worker reads it, both stages of a repartitioned one, without Kafka."""

from __future__ import annotations

from collections.abc import Sequence

from fusionlog.errors import RecordError
from fusionlog.kafka import codecs
from fusionlog.onboarding.sample import SampleRecord
from fusionlog.online.knowledge import Knowledge
from fusionlog.parsing.envelopes import EnvelopeReader
from fusionlog.parsing.parser import Parser
from fusionlog.parsing.windows import Windower
from fusionlog.records import KeyedLine, Window
from fusionlog.settings import IngestSettings, SystemSettings
from fusionlog.topics import Topics
from fusionlog.workers.ingest.keyed_processor import KeyedProcessor
from fusionlog.workers.ingest.keying import KeyingProcessor, LineKeyer
from fusionlog.workers.ingest.line_report import LineReport
from fusionlog.workers.ingest.made import DeadLetter, KeyedLines, Made, Processor
from fusionlog.workers.ingest.origins import Origins
from fusionlog.workers.ingest.output import fitting
from fusionlog.workers.ingest.partition_processor import PartitionProcessor
from fusionlog.workers.ingest.resume_state import METADATA_BYTES, OutputOffsets, ResumeState, metadata_of
from fusionlog.workers.ingest.tally import Batch
from tests.fuzz.invariants import assert_record, assert_refused

NAME = "shop"
LONG = 1e6


class Counts(LineReport):
    """The counts of a partition, summed."""

    def __init__(self, system: SystemSettings) -> None:
        super().__init__(NAME, system)
        self.sum = Batch()

    def add(self, batch: Batch, windows: int) -> None:
        for name, count in vars(batch).items():
            setattr(self.sum, name, getattr(self.sum, name) + count)


class Partition:
    """One partition; `take` reads records, `finish` closes all windows and has Kafka acknowledge everything."""

    def __init__(self, system: SystemSettings, ingest: IngestSettings, knowledge: Knowledge, start: int = 0) -> None:
        self.system, self.ingest, self.knowledge = system, ingest, knowledge
        self.now, self.made = 1714557700.0, list[Made]()
        self.parser, self.report = Parser(NAME, system, ingest), Counts(system)
        self.processor = self._processor(start)
        self.last = start - 1

    def _processor(self, start: int) -> Processor:
        resume_state, windower = ResumeState(OutputOffsets()), Windower(NAME, self.system.window, "logs.raw.shop", 0)
        if not self.system.repartition:
            return PartitionProcessor(
                NAME,
                self.system,
                self.ingest,
                self.parser,
                windower,
                start,
                resume_state,
                clock=lambda: self.now,
                report=self.report,
            )
        keyer = LineKeyer(Topics().keyed(NAME), 1, "logs.raw.shop", 0, 7)
        return KeyingProcessor(
            NAME,
            self.system,
            self.ingest,
            self.parser,
            keyer,
            start,
            resume_state,
            clock=lambda: self.now,
            report=self.report,
        )

    def take(self, records: Sequence[SampleRecord]) -> None:
        """Read records."""
        self.made += self.processor.take(records)
        self.last = records[-1].offset if records else self.last
        self.now += 1.0

    def finish(self) -> None:
        """Close and acknowledge everything: every record and line is accounted for, and the commit is behind the last.

        Windows and dead letters are what the topics take.
        """
        self.now += LONG
        self.made += self.processor.silent()
        for each in self.made:
            self._check(each)
            assert self.processor.acknowledged(each, "general")
        tally = self.processor.tally  # type: ignore[attr-defined]
        assert (tally.lines_open, tally.memberships_open, self.processor.unacked) == (0, 0, 0)
        offset, metadata = self.processor.commit()
        assert offset == self.last + 1 and len(metadata) <= METADATA_BYTES
        assert metadata_of(metadata) is not None

    def _check(self, made: Made) -> None:
        if isinstance(made, DeadLetter):
            assert_refused(made.error)
            assert made.error.reason not in ("parser-failed", "offset-order"), made.error
            return
        if isinstance(made, KeyedLines):
            for _, value in (pair for pairs in made.records.values() for pair in pairs):
                assert_record(codecs.decode(value, KeyedLine))
            return
        assert_record(made)
        assert_record(self.knowledge.route(made))
        assert fitting(made, Topics().general) is not None
        assert all(len(event.example) <= 1_000 for event in made.events)

    @property
    def keyed(self) -> list[SampleRecord]:
        """What the first stage wrote, as records of the keyed topic."""
        values = [
            pair
            for made in self.made
            if isinstance(made, KeyedLines)
            for pairs in made.records.values()
            for pair in pairs
        ]
        return [SampleRecord(offset, -1, key, value) for offset, (key, value) in enumerate(values)]

    @property
    def lines(self) -> int:
        """The lines that became something, where each is in one session at most."""
        kinds = {
            Window: lambda made: len(made.sequence),
            KeyedLines: lambda made: made.share.lines,
            DeadLetter: lambda made: 1,
        }
        return sum(kinds[type(each)](each) for each in self.made) + self.report.sum.joined + self.report.sum.dropped


class KeyedPartition(Partition):
    """A partition of the keyed topic."""

    def _processor(self, start: int) -> Processor:
        windower = Windower(NAME, self.system.window, "fusionlog.keyed.shop", 0)
        return KeyedProcessor(
            NAME,
            self.system,
            self.ingest,
            self.parser,
            windower,
            start,
            ResumeState(OutputOffsets()),
            Origins(complete=start == 0),
            clock=lambda: self.now,
        )


def lines_in(reader: EnvelopeReader, record: SampleRecord) -> int:
    """The lines of a record; one that cannot be read counts as one."""
    try:
        return len(reader.read(record.value, None)) or 1
    except RecordError as error:
        assert_refused(error)
        return 1
