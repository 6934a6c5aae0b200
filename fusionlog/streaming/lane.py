"""One partition of a raw topic: from its records to windows and dead letters, every line accounted for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import structlog

from fusionlog import metrics
from fusionlog.errors import RecordError
from fusionlog.parsing.parser import Event, Parser
from fusionlog.parsing.shipper import RawLine, read_line
from fusionlog.records import Window
from fusionlog.settings import IngestSettings, SystemSettings
from fusionlog.streaming.replay import Covered, Trail
from fusionlog.streaming.watermark import CommitWatermark
from fusionlog.types import Clock
from fusionlog.windows import Windower

log = structlog.get_logger(__name__)

# A line that claims to be from further ahead than this has a wrong clock: it would close every session at once.
AHEAD_SECONDS = 3600.0

NO_SESSION = "no-session-key"


class Raw(Protocol):
    """What is needed of a Kafka record."""

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


class Lane:
    """The state of a partition. `take` and `silent` say what to send; `settled` says that Kafka has it."""

    def __init__(
        self, system: str, settings: SystemSettings, ingest: IngestSettings, parser: Parser, windower: Windower,
        start: int, trail: Trail, covered: Covered | None = None, clock: Clock = time.time,
    ) -> None:  # fmt: skip
        self.system, self.trail = system, trail
        self._ingest, self._parser, self._windower, self._clock = ingest, parser, windower, clock
        self._silence = ingest.silence_seconds or settings.window.idle_seconds
        self._watermark = CommitWatermark(start)
        self._covered = covered
        self._heard = clock()
        self._lines, self._open = metrics.LINES.labels(system), metrics.LINES_OPEN.labels(system)
        self._unsettled = 0
        self._released = False

    def take(self, record: Raw) -> Iterator[Window | DeadLetter]:
        """The windows that a record closes, or itself as a dead letter."""
        self._watermark.read(record.offset)
        self._heard = self._clock()
        try:
            raw = read_line(
                record.value, self._ingest.message_fields, self._ingest.max_line_bytes, self._parser.json_lines
            )
            event = self._parse(raw.text)
        except RecordError as error:
            self._count()
            self._watermark.sent(record.offset)
            yield DeadLetter(record.offset, record.key, record.value, error)
            return
        yield from self._sending(self._place(event, record.offset, self._time(raw, record)))

    def silent(self) -> list[Window]:
        """All open windows when no record came for so long, else none."""
        if not self._windower.open_lines or self._clock() - self._heard < self._silence:
            return []
        return list(self._sending(self._windower.flush()))

    def settled(self, first_offset: int, lines: int) -> bool:
        """Kafka has what began with this line, and held so many lines. False: the lane was released before."""
        if self._released:
            return False
        self._watermark.acked(first_offset)
        self._resolve(lines)
        return True

    def release(self) -> None:
        """The partition leaves: what is unfinished is read again by its next reader."""
        self._released = True
        metrics.LINES_RELEASED.labels(self.system).inc(self._unsettled)
        self._resolve(self._unsettled)

    @property
    def unacked(self) -> int:
        """How many windows and dead letters Kafka has not acknowledged."""
        return self._watermark.unacked

    @property
    def position(self) -> int:
        """The offset to commit."""
        return self._watermark.position(self._windower.first_open_offset)

    def _parse(self, line: str) -> Event:
        try:
            return self._parser.parse(line)
        except RecordError:
            raise
        except Exception as error:
            # A line that no parser should fail on must not stop the partition for good; it is kept and said.
            log.exception("a line could not be parsed", system=self.system)
            raise RecordError("parser-failed", f"{type(error).__name__}: {error}") from error

    def _place(self, event: Event, offset: int, moment: float) -> list[Window]:
        """Put a line into its window; the windows that this closes."""
        if self._covered is not None and self._covered.covers(event.session, offset):
            return self._windower.advance(moment)
        self._count()
        try:
            return self._windower.add(event, offset, moment)
        except RecordError as error:
            if error.reason != NO_SESSION:
                raise
            metrics.LINES_DROPPED.labels(self.system, NO_SESSION).inc()
            self._resolve(1)
            return self._windower.advance(moment)

    def _sending(self, windows: list[Window]) -> Iterator[Window]:
        for window in windows:
            self._watermark.sent(window.first_offset)
        yield from windows

    def _count(self) -> None:
        self._unsettled += 1
        self._lines.inc()
        self._open.inc()

    def _resolve(self, lines: int) -> None:
        self._unsettled -= lines
        self._open.dec(lines)

    def _time(self, raw: RawLine, record: Raw) -> float:
        """Event time in seconds: the envelope's, else Kafka's; one too far ahead is the wall clock."""
        now = self._clock()
        moment = raw.time if raw.time is not None else record.timestamp / 1000
        return now if moment < 0 or moment > now + AHEAD_SECONDS else moment
