"""The check of a system's entry: a sample of its log goes through the parts of an ingest worker, without Kafka.

The reader of envelopes and the parser are those of the worker, observed; windows are cut by its partition processor.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter

from fusionlog.errors import RecordError
from fusionlog.kafka import codecs
from fusionlog.onboarding.sample import SampleRecord
from fusionlog.parsing.envelopes import EnvelopeReader, RawLine
from fusionlog.parsing.parser import Event, Parser
from fusionlog.parsing.times import EARLIEST, LATEST
from fusionlog.parsing.windows import Windower
from fusionlog.records import KeyedLine, Seconds, Window
from fusionlog.settings import IngestSettings, SystemSettings
from fusionlog.topics import Topics
from fusionlog.utils.json_format import JsonFormat, Tree, tree_of, value_at
from fusionlog.workers.ingest.keyed_processor import KeyedProcessor
from fusionlog.workers.ingest.keying import KeyingProcessor, LineKeyer
from fusionlog.workers.ingest.line_report import LineReport
from fusionlog.workers.ingest.made import DeadLetter, KeyedLines, Made, Processor
from fusionlog.workers.ingest.partition_processor import PartitionProcessor
from fusionlog.workers.ingest.resume_state import OutputOffsets, ResumeState
from fusionlog.workers.ingest.scattered import ScatteredSessions
from fusionlog.workers.ingest.tally import Batch

EXAMPLES = 3
FIRST_LINES = 2_000
"""Lines that are kept to look for a header that the entry does not have."""


@dataclass
class Count:
    """A number of lines, and the first few of them."""

    lines: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, line: str) -> None:
        """Count a line."""
        self.lines += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(line)


@dataclass
class Found:
    """What an ingest worker finds in a sample.

    `pieces` are the lines of the records, `batch` what became of them; `events` counts joined lines by template id,
    `templates` has the texts, `replaced` maps a template to the more general one that replaced it.
    """

    name: str
    system: SystemSettings
    records: int
    has_header: bool = False
    batch: Batch = field(default_factory=Batch)
    pieces: int = 0
    unmatched: Count = field(default_factory=Count)
    keyless: Count = field(default_factory=Count)
    first_lines: list[str] = field(default_factory=list)
    json_lines: Count = field(default_factory=Count)
    implausible: Count = field(default_factory=Count)
    timed: Counter[str] = field(default_factory=Counter)
    keys: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    templates: dict[str, str] = field(default_factory=dict)
    replaced: dict[str, str] = field(default_factory=dict)
    absent_fields: list[str] = field(default_factory=list)
    scattered: list[str] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)

    @property
    def lines(self) -> int:
        """The number of parsed lines: pieces of one line count once, dead letters do not."""
        return self.events.total()

    @property
    def by_session(self) -> bool:
        """Whether windows are sessions."""
        return self.system.window.by == "session"

    @property
    def has_key(self) -> bool:
        """Whether the entry has a session key."""
        return self.system.session is not None or self.system.session_field is not None

    @property
    def without_key(self) -> int:
        """The number of lines that have no session key, nor inherit one."""
        return self.keyless.lines - self.batch.inherited

    def line(self, raw: RawLine) -> None:
        """Count a line of a record."""
        self.pieces += 1
        if raw.time is not None:
            self.timed["envelope"] += 1
        if raw.implausible:
            self.implausible.add(raw.text)

    def event(self, event: Event) -> None:
        """Count a parsed line."""
        if len(self.first_lines) < FIRST_LINES:
            self.first_lines.append(event.line)
        self.events[event.template] += 1
        self.templates[event.template] = event.text
        if event.stamp is not None:
            self.timed["line"] += 1
        if not event.matched:
            self.unmatched.add(event.line)
        if event.session:
            self.keys.update((event.session, *event.more))
        else:
            self.keyless.add(event.line)

    def lines_by_template(self) -> list[tuple[str, str, int]]:
        """(id, text, lines) of the templates at the end of the sample, the most frequent first."""
        counts: Counter[str] = Counter()
        for template, lines in self.events.items():
            counts[self._present(template)] += lines
        return [(template, self.templates[template], lines) for template, lines in counts.most_common()]

    def _present(self, template: str) -> str:
        """The template that an id stands for at the end: a template may be generalised more than once."""
        seen = {template}
        while (successor := self.replaced.get(template)) is not None and successor not in seen:
            seen.add(template := successor)
        return template


class _ObservedReader(EnvelopeReader):
    """A reader of envelopes that counts the lines of records, and notes which fields JSON lines have."""

    def __init__(self, found: Found, ingest: IngestSettings) -> None:
        super().__init__(found.system, ingest)
        self._observed = found
        self._json_format = JsonFormat(found.system.json_line)
        self.absent = dict.fromkeys(self._json_format.fields)

    def read(self, value: bytes | None, timestamp: float | None) -> Sequence[RawLine | RecordError]:
        """The lines of a record, which are counted."""
        lines = super().read(value, timestamp)
        for raw in lines:
            if isinstance(raw, RawLine):
                self._observed.line(raw)
                tree = tree_of(raw.text)
                if tree is not None:
                    self._json(raw, tree)
        return lines

    def _json(self, raw: RawLine, tree: Tree) -> None:
        self._observed.json_lines.add(raw.text)
        for name in [*self.absent]:
            if value_at(tree, name) is not None or (raw.fields and value_at(raw.fields, name) is not None):
                del self.absent[name]


class _ObservedParser(Parser):
    """A parser that counts what it finds. It recalls no record, so that every line is seen, with the same result."""

    def __init__(self, found: Found, ingest: IngestSettings) -> None:
        super().__init__(found.name, found.system, ingest)
        self._observed = found

    def recall(self, value: bytes) -> Event | None:
        """None: every record is read and parsed."""
        return None

    def without_template(self, line: str, fields: Tree | None = None) -> Event:
        """The event of a line, which is counted and mined as well: no second stage does."""
        return self.parse(line, fields)

    def parse(self, line: str, fields: Tree | None = None) -> Event:
        """The event of a line, which is counted."""
        event = super().parse(line, fields)
        self._observed.event(event)
        return event


class _Sum(LineReport):
    """The counts of a partition processor, summed."""

    def __init__(self, found: Found) -> None:
        super().__init__(found.name, found.system)
        self._observed = found

    def add(self, batch: Batch, made: Sequence[object] = ()) -> None:
        """Sum the counts of a batch."""
        for name, count in vars(batch).items():
            setattr(self._observed.batch, name, getattr(self._observed.batch, name) + count)


def check(
    name: str, system: SystemSettings, ingest: IngestSettings, records: Sequence[SampleRecord],
    now: Seconds | None = None,
) -> Found:  # fmt: skip
    """Send a sample through the parts of an ingest worker, partition by partition, and close all windows at its end.

    :param now: Unix seconds at which records without a timestamp arrive; default: the present.
    """
    found = Found(name, system, len(records))
    parser, reader = _ObservedParser(found, ingest), _ObservedReader(found, ingest)
    found.has_header = parser.matches is not None
    made: list[Made] = []
    for partition, own in groupby(sorted(records, key=attrgetter("partition", "offset")), attrgetter("partition")):
        made += _made(found, parser, reader, ingest, partition, list(own), now)
    made += _of_keyed(found, ingest, [each for each in made if isinstance(each, KeyedLines)])
    found.windows = [each for each in made if isinstance(each, Window)]
    found.dead = [each for each in made if isinstance(each, DeadLetter)]
    _follow_templates(found, parser)
    found.absent_fields = [*reader.absent] if found.json_lines.lines else []
    found.scattered = _scattered(found)
    return found


def _made(
    found: Found, parser: Parser, reader: EnvelopeReader, ingest: IngestSettings, partition: int,
    records: Sequence[SampleRecord], arrival: Seconds | None,
) -> list[Made]:  # fmt: skip
    """The windows, or keyed lines, and dead letters of a partition, those at its silence included."""
    times = (record.timestamp / 1000 for record in records)
    now = max(
        (each for each in times if EARLIEST <= each < LATEST), default=time.time() if arrival is None else arrival
    )
    topic, resume_state = f"sample.{found.name}", ResumeState(OutputOffsets())
    processor: Processor
    if found.system.repartition:
        keyer = LineKeyer(Topics().keyed(found.name), 1, topic, partition, 0)
        processor = KeyingProcessor(
            found.name, found.system, ingest, parser, keyer, records[0].offset, resume_state,
            clock=lambda: now, report=_Sum(found), reader=reader,
        )  # fmt: skip
    else:
        windower = Windower(found.name, found.system.window, topic, partition)
        processor = PartitionProcessor(
            found.name, found.system, ingest, parser, windower, records[0].offset, resume_state,
            clock=lambda: now, report=_Sum(found), reader=reader,
        )  # fmt: skip
    made = processor.take(records)
    now += _long(found, ingest)
    return [*made, *processor.silent()]


def _of_keyed(found: Found, ingest: IngestSettings, keyed: Sequence[KeyedLines]) -> list[Made]:
    """The windows and dead letters of a repartitioned system's lines, in the order of their arrival."""
    values = [value for each in keyed for records in each.records.values() for _, value in records]
    if not values:
        return []
    latest: dict[int, float] = {}
    arrived = []
    for value in values:
        line = codecs.decode(value, KeyedLine)
        latest[line.partition] = max(line.arrived, latest.get(line.partition, line.arrived))
        arrived.append(latest[line.partition])
    order = sorted(range(len(values)), key=arrived.__getitem__)
    records = [SampleRecord(offset, -1, None, values[place]) for offset, place in enumerate(order)]
    now = max(arrived)
    processor = KeyedProcessor(
        found.name, found.system, ingest, Parser(found.name, found.system, ingest),
        Windower(found.name, found.system.window, f"keyed.{found.name}", 0), 0, ResumeState(OutputOffsets()),
        clock=lambda: now, report=_Sum(found),
    )  # fmt: skip
    made = processor.take(records)
    now += _long(found, ingest)
    return [*made, *processor.silent()]


def _long(found: Found, ingest: IngestSettings) -> float:
    """Seconds of silence after which all windows are closed."""
    return 2 * (ingest.silence_seconds or found.system.window.idle_seconds) + found.system.multiline.wait_seconds


def _follow_templates(found: Found, parser: Parser) -> None:
    for template in parser.new_templates(0.0):
        found.templates.setdefault(template.id, template.text)
        if template.replaces is not None:
            found.replaced[template.replaces] = template.id


def _scattered(found: Found) -> list[str]:
    """The sessions with windows in several partitions at a time."""
    sessions = ScatteredSessions(found.name, found.system.window.idle_seconds)
    return [each.session for each in sorted(found.windows, key=attrgetter("started")) if sessions.add(each)]
