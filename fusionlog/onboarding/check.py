"""The check of a system's entry: a sample of its log goes through the parts of an ingest worker, without Kafka.

The parser and the reader of envelopes are those of the worker, observed; windows are cut by its partition processor.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter

from fusionlog.onboarding.sample import SampleRecord
from fusionlog.parsing.parser import Event, Parser
from fusionlog.parsing.windows import Windower
from fusionlog.records import Window
from fusionlog.settings import IngestSettings, SystemSettings
from fusionlog.workers.ingest.partition_processor import DeadLetter, PartitionProcessor
from fusionlog.workers.ingest.resume_state import OutputOffsets, ResumeState

EXAMPLES = 3
MAX_VALUES = 100_000
"""Keys that are remembered, at most."""


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

    `lines` are counted after joining, `pieces` before it. `templates` maps ids to texts, `replaced` an id to that of
    the more general template that replaced it.
    """

    name: str
    system: SystemSettings
    records: int = 0
    pieces: int = 0
    lines: int = 0
    unmatched: Count = field(default_factory=Count)
    without_key: Count = field(default_factory=Count)
    json_lines: Count = field(default_factory=Count)
    implausible: Count = field(default_factory=Count)
    times: Counter[str] = field(default_factory=Counter)
    keys: Counter[str] = field(default_factory=Counter)
    partitions: dict[str, set[int]] = field(default_factory=dict)
    events: Counter[str] = field(default_factory=Counter)
    templates: dict[str, str] = field(default_factory=dict)
    replaced: dict[str, str] = field(default_factory=dict)
    windows: list[Window] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)
    missing_fields: list[str] = field(default_factory=list)

    def event(self, event: Event) -> None:
        """Count a parsed line."""
        self.lines += 1
        self.events[event.template] += 1
        self.templates[event.template] = event.text
        if event.session:
            self.keys[event.session] += 1
        else:
            self.without_key.add(event.line)

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


class _ObservedParser(Parser):
    """A parser that counts what it finds. It knows no line beforehand, so that every line is seen."""

    def __init__(self, found: Found, ingest: IngestSettings) -> None:
        super().__init__(found.name, found.system, ingest)
        self._observed = found

    def recall(self, value: bytes) -> Event | None:
        """None: every record is read and parsed, with the same result."""
        return None

    def parse(self, line: str) -> Event:
        """The event of a line, which is counted."""
        event = super().parse(line)
        self._observed.event(event)
        return event


def check(name: str, system: SystemSettings, ingest: IngestSettings, records: Sequence[SampleRecord]) -> Found:
    """Send a sample through the parts of an ingest worker, partition by partition, and close all windows at its end."""
    found = Found(name, system, records=len(records))
    parser = _ObservedParser(found, ingest)
    for partition, own in groupby(sorted(records, key=attrgetter("partition", "offset")), attrgetter("partition")):
        made = _made(found, parser, ingest, partition, list(own))
        found.windows += [each for each in made if isinstance(each, Window)]
        found.dead += [each for each in made if isinstance(each, DeadLetter)]
    _follow_templates(found, parser)
    return found


def _made(
    found: Found, parser: Parser, ingest: IngestSettings, partition: int, records: Sequence[SampleRecord]
) -> Iterable[Window | DeadLetter]:
    """The windows and dead letters of a partition, those at its silence included."""
    now = max(record.timestamp for record in records) / 1000
    windower = Windower(found.name, found.system.window, f"sample.{found.name}", partition)
    processor = PartitionProcessor(
        found.name, found.system, ingest, parser, windower, records[0].offset, ResumeState(OutputOffsets()),
        clock=lambda: now,
    )  # fmt: skip
    made = processor.take(records)
    now = float("inf")
    return [*made, *processor.silent()]


def _follow_templates(found: Found, parser: Parser) -> None:
    for template in parser.new_templates(0.0):
        found.templates.setdefault(template.id, template.text)
        if template.replaces is not None:
            found.replaced[template.replaces] = template.id
