"""Both stages of a repartitioned system in memory, and a keyed topic that keeps what it is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from fusionlog.parsing.parser import Parser
from fusionlog.parsing.windows import Windower
from fusionlog.records import Window
from fusionlog.settings import IngestSettings, SystemSettings
from fusionlog.topics import Topics
from fusionlog.workers.ingest.keyed_processor import KeyedProcessor
from fusionlog.workers.ingest.keying import KeyingProcessor, LineKeyer
from fusionlog.workers.ingest.made import DeadLetter, KeyedLines, Made, RawRecord
from fusionlog.workers.ingest.origins import Origins
from fusionlog.workers.ingest.resume_state import (
    CoveredLines,
    CoveredOrigins,
    Emitted,
    OutputOffsets,
    ResumeState,
    metadata_of,
)
from tests.workers.memory import Message

RAW, KEYED = "raw", Topics().keyed("shop")
START = 1_700_000_000.0
INGEST = IngestSettings()


@dataclass
class KeyedTopic:
    """What was sent, by partition."""

    partitions: int = 2
    logs: dict[int, list[Message]] = field(default_factory=dict)

    def append(self, partition: int, records: Sequence[tuple[bytes, bytes]]) -> None:
        log = self.logs.setdefault(partition, [])
        for key, value in records:
            log.append(Message(value, topic=KEYED.name, partition=partition, offset=len(log), key=key))

    def log(self, partition: int) -> list[Message]:
        return self.logs.get(partition, [])


@dataclass
class Clock:
    now: float = START

    def __call__(self) -> float:
        return self.now


class Writer:
    """A reader of one raw partition, which writes to the keyed topic."""

    def __init__(
        self, system: SystemSettings, topic: KeyedTopic, partition: int, commit: tuple[int, str] = (0, ""),
        clock: Clock | None = None, epoch: int = 1, emitted: Sequence[Window] = (),
    ) -> None:  # fmt: skip
        start, text = commit
        metadata = metadata_of(text)
        epoch = (metadata.epoch if metadata else 0) or epoch
        self.topic, self.clock = topic, clock or Clock()
        keyer = LineKeyer(KEYED, topic.partitions, RAW, partition, epoch)
        covered = CoveredLines([_emitted(window) for window in emitted], True) if emitted else None
        self.processor = KeyingProcessor(
            "shop", system, INGEST, Parser("shop", system, INGEST), keyer, start, ResumeState(OutputOffsets()), covered,
            clock=self.clock,
        )  # fmt: skip
        self.dead: list[DeadLetter] = []

    def take(self, records: Sequence[RawRecord], lost: Sequence[bool] = (), unanswered: bool = False) -> None:
        self._send(self.processor.take(records), lost, unanswered)

    def silent(self) -> None:
        self.clock.now += 1000
        self._send(self.processor.silent())

    def _send(self, made: Sequence[Made], lost: Sequence[bool] = (), unanswered: bool = False) -> None:
        """Write what was made but for batches to partitions that are lost; acknowledge what is whole."""
        for each in made:
            if isinstance(each, DeadLetter):
                self.dead.append(each)
            if isinstance(each, KeyedLines):
                kept = {p: records for p, records in each.records.items() if not (p < len(lost) and lost[p])}
                for partition, records in kept.items():
                    self.topic.append(partition, records)
                if len(kept) < len(each.records):
                    continue
            if not unanswered:
                self.processor.acknowledged(each)


class Reader:
    """A reader of one partition of the keyed topic."""

    def __init__(
        self, system: SystemSettings, partition: int, commit: tuple[int, str] = (0, ""),
        emitted: Sequence[Window] = (), clock: Clock | None = None, parser: Parser | None = None,
    ) -> None:  # fmt: skip
        start, text = commit
        metadata = metadata_of(text)
        self.clock, self.start = clock or Clock(), start
        self.made: list[Made] = []
        origins = (metadata.origins if metadata else None) or Origins(complete=start == 0)
        self.processor = KeyedProcessor(
            "shop", system, INGEST, parser or Parser("shop", system, INGEST),
            Windower("shop", system.window, KEYED.name, partition), start, ResumeState(OutputOffsets()), origins,
            CoveredOrigins([_emitted(window) for window in emitted]), clock=self.clock,
        )  # fmt: skip

    def take(self, records: Sequence[Message]) -> None:
        self.made += self.processor.take(records)

    def end(self) -> None:
        self.clock.now += 10_000
        self.made += self.processor.silent()

    def acknowledge(self, every: int = 1) -> list[Window]:
        """Acknowledge every so many of what was made; the windows among them."""
        chosen = self.made[::every]
        for made in chosen:
            self.processor.acknowledged(made)
        return [made for made in chosen if isinstance(made, Window)]

    @property
    def windows(self) -> list[Window]:
        return [made for made in self.made if isinstance(made, Window)]


def _emitted(window: Window) -> Emitted:
    return msgspec.convert(msgspec.to_builtins(window), Emitted)
