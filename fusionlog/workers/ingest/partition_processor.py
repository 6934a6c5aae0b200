"""The processor of one raw partition: records to windows and dead letters, every line accounted for."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from fusionlog.errors import RecordError
from fusionlog.observability import metrics
from fusionlog.parsing.envelopes import read_line
from fusionlog.parsing.parser import Event, Parser
from fusionlog.parsing.windows import Windower
from fusionlog.records import Window
from fusionlog.settings import IngestSettings, SystemSettings
from fusionlog.types import Clock
from fusionlog.workers.ingest.resume_state import CoveredLines, ResumeState
from fusionlog.workers.ingest.watermark import CommitWatermark

log = structlog.get_logger(__name__)

# A line that claims to be from further ahead than this has a wrong clock: it would close every session at once.
AHEAD_SECONDS = 3600.0

NO_SESSION = "no-session-key"


class RawRecord(Protocol):
    """The fields of a Kafka record that parsing reads."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True)
class DeadLetter:
    """A raw record that could not be used."""

    offset: int
    key: bytes | None
    value: bytes | None
    error: RecordError


class PartitionProcessor:
    """The state of a partition: `take` and `silent` return what is to be sent, `acknowledged` follows each delivery."""

    def __init__(
        self, system: str, settings: SystemSettings, ingest: IngestSettings, parser: Parser, windower: Windower,
        start: int, resume_state: ResumeState, covered: CoveredLines | None = None, clock: Clock = time.time,
    ) -> None:  # fmt: skip
        self.system, self.resume_state = system, resume_state
        self._ingest, self._parser, self._windower, self._clock = ingest, parser, windower, clock
        self._sessions = settings.window.by == "session"
        self._silence = ingest.silence_seconds or settings.window.idle_seconds
        self._watermark = CommitWatermark(start)
        self._covered = covered
        self._last_record_at = clock()
        self._lines, self._open = metrics.LINES.labels(system), metrics.LINES_OPEN.labels(system)
        self._unfinished = 0
        self._released = False
        self.in_hand = start
        """The offset of the record at which `take` raised."""

    def take(self, records: Sequence[RawRecord]) -> list[Window | DeadLetter]:
        """The windows that a batch of records closes, and its dead letters, in order. The hot path: what can be done
        once a batch is not done once a record."""
        self._last_record_at = now = self._clock()
        made: list[Window | DeadLetter] = []
        left_out = dropped = 0
        offset = self.in_hand
        try:
            for record in records:
                offset = record.offset
                try:
                    event, moment = self._read(record, now)
                except RecordError as error:
                    self._watermark.sent(offset)
                    made.append(DeadLetter(offset, record.key, record.value, error))
                    continue
                if self._covered is not None and self._covered.covers(event.session, offset):
                    left_out += 1
                    made += self._sending(self._windower.advance(moment))
                elif self._sessions and not event.session:
                    dropped += 1
                    made += self._sending(self._windower.advance(moment))
                elif closed := self._windower.add(event, offset, moment):
                    made += self._sending(closed)
        except Exception:
            self.in_hand = offset
            raise
        if records:
            self._watermark.read(records[-1].offset)
        self._count(len(records) - left_out, dropped)
        return made

    def give_up(self, record: RawRecord, error: RecordError) -> DeadLetter:
        """The dead letter of a condemned record, which is not parsed."""
        self._watermark.sent(record.offset)
        self._watermark.read(record.offset)
        self._count(1, 0)
        return DeadLetter(record.offset, record.key, record.value, error)

    def skip_to(self, offset: int) -> None:
        """Note that no record comes before this offset."""
        self._watermark.read(offset - 1)

    def silent(self) -> list[Window]:
        """All open windows when the partition was silent for so many seconds, else none."""
        if not self._windower.open_lines or self._clock() - self._last_record_at < self._silence:
            return []
        return self._sending(self._windower.flush())

    def acknowledged(self, first_offset: int, lines: int) -> bool:
        """Note that Kafka has the window or dead letter that begins with this line; False after a release."""
        if self._released:
            return False
        self._watermark.acked(first_offset)
        self._resolve(lines)
        return True

    def release(self) -> None:
        """Release the partition: its next reader reads the unfinished lines again."""
        self._released = True
        metrics.LINES_RELEASED.labels(self.system).inc(self._unfinished)
        self._resolve(self._unfinished)

    @property
    def unacked(self) -> int:
        """The number of windows and dead letters that Kafka has not acknowledged."""
        return self._watermark.unacked

    @property
    def position(self) -> int:
        """The offset to commit."""
        return self._watermark.position(self._windower.first_open_offset)

    def _read(self, record: RawRecord, now: float) -> tuple[Event, float]:
        """A record's event, and its time in seconds: the envelope's, else Kafka's; one too far ahead is now.

        :raises RecordError: the record is no line.
        """
        event, moment = self._parser.recall(record.value) if record.value else None, record.timestamp / 1000
        if event is None:
            raw = read_line(
                record.value, self._ingest.message_fields, self._ingest.max_line_bytes, self._parser.json_lines
            )
            event, moment = self._parse(raw.text), moment if raw.time is None else raw.time
        return event, now if moment < 0 or moment > now + AHEAD_SECONDS else moment

    def _parse(self, line: str) -> Event:
        try:
            return self._parser.parse(line)
        except RecordError:
            raise
        except Exception as error:
            # A line that no parser should fail on must not stop the partition for good; it is kept and logged.
            log.exception("a line could not be parsed", system=self.system)
            raise RecordError("parser-failed", f"{type(error).__name__}: {error}") from error

    def _sending(self, windows: list[Window]) -> list[Window]:
        for window in windows:
            self._watermark.sent(window.first_offset)
        return windows

    def _count(self, lines: int, dropped: int) -> None:
        """Count read lines, and those dropped without a session key."""
        self._lines.inc(lines)
        self._resolve(dropped - lines)
        if dropped:
            metrics.LINES_DROPPED.labels(self.system, NO_SESSION).inc(dropped)

    def _resolve(self, lines: int) -> None:
        """Take so many lines off the count of open ones; a negative number adds."""
        self._unfinished -= lines
        self._open.dec(lines)
