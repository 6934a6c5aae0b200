"""The processor of one raw partition: records to windows and dead letters, every line accounted for."""

from __future__ import annotations

import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import msgspec
import structlog

from fusionlog.errors import RecordError
from fusionlog.parsing.envelopes import EnvelopeReader, RawLine
from fusionlog.parsing.joining import Joiner, Line, Piece
from fusionlog.parsing.parser import Event, Parser
from fusionlog.parsing.times import EARLIEST, LineClock
from fusionlog.parsing.windows import Extent, Share, Windower
from fusionlog.records import Seconds, Window
from fusionlog.settings import IngestSettings, SystemSettings
from fusionlog.types import Clock, Position
from fusionlog.workers.ingest.line_report import LineReport
from fusionlog.workers.ingest.resume_state import CoveredLines, ResumeState
from fusionlog.workers.ingest.source_keys import Keys, SourceKeys
from fusionlog.workers.ingest.tally import Batch, Tally
from fusionlog.workers.ingest.watermark import CommitWatermark

log = structlog.get_logger(__name__)


class RawRecord(Protocol):
    """The fields of a Kafka record that parsing reads."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True)
class DeadLetter:
    """A raw record that could not be used, a line of one, or a window.

    `value` are the record's bytes. Where the record holds other lines too it is the line alone, so that writing the
    value to the raw topic again repeats none of them. `index` is the line's place in its record.
    """

    offset: int
    key: bytes | None
    value: bytes | None
    error: RecordError
    index: int = 0
    window: Window | None = None


Made = Window | DeadLetter


class _Read(NamedTuple):
    """What is known of a line before it is complete: the time, the key and, where it holds no other line, the bytes of
    its record; its source; what its envelope has; its event, where its shape is known."""

    time: Seconds
    source: Hashable
    key: bytes | None
    value: bytes | None
    raw: RawLine | None = None
    event: Event | None = None


_SEVERAL = object()
"""The joiner holds lines of several sources, or pieces of a line that a runtime cut."""


class PartitionProcessor:
    """The state of a partition: `take` and `silent` return what is to be sent, `acknowledged` follows each delivery."""

    def __init__(
        self, system: str, settings: SystemSettings, ingest: IngestSettings, parser: Parser, windower: Windower,
        start: int, resume_state: ResumeState, covered: CoveredLines | None = None, clock: Clock = time.time,
        report: LineReport | None = None,
    ) -> None:  # fmt: skip
        self.system, self.resume_state, self.tally = system, resume_state, Tally(system)
        self.report = report or LineReport(system, settings)
        self._parser, self._windower, self._clock, self._covered = parser, windower, clock, covered
        self._reader, self._line_clock = EnvelopeReader(settings, ingest), LineClock(settings)
        self._own_time = settings.time_field is not None
        self._joins, self._wait = settings.multiline.enabled, settings.multiline.wait_seconds
        self._joiner: Joiner[_Read] = Joiner(settings.multiline, ingest.max_line_bytes, parser.matches)
        self._joining: Hashable = None
        self._held: tuple[Position, _Read, Event] | None = None
        self._sessions = settings.window.by == "session"
        self._keys = SourceKeys(settings.window.idle_seconds) if self._sessions and settings.inherit else None
        self._silence = ingest.silence_seconds or settings.window.idle_seconds
        self._watermark = CommitWatermark(start)
        self._shares: dict[str, Share] = {}
        self._last_record_at = clock()
        self._batch = Batch()
        self._made: list[Made] = []
        self._outliers = 0
        self._released = False
        self.in_hand = start
        """The offset of the record, a line of which was in hand when `take` raised."""

    def take(self, records: Sequence[RawRecord]) -> list[Made]:
        """The windows that a batch of records closes, and its dead letters, in order.

        The hot path: a line whose shape is known waits for its successor in `_held`, not in the joiner, for as long as
        one source writes.
        """
        now = self._clock()
        self._windower.clock.allow(now - self._last_record_at)
        self._last_record_at = now
        recall, known, batch = self._parser.recall, 0, self._batch
        try:
            for record in records:
                self.in_hand = record.offset
                value, moment = record.value, record.timestamp / 1000
                event = recall(value) if value else None
                if event is None:
                    self._open(record, moment)
                else:
                    known += 1
                    key = record.key
                    self._known((record.offset, 0), _Read(now if moment < 0 else moment, key, key, value), event)
        except Exception:
            if self._windower.in_hand is not None:
                self.in_hand = self._windower.in_hand[0]
            raise
        batch.records += len(records)
        batch.opened += known
        batch.lines += known
        if records:
            self._watermark.read(records[-1].offset)
        return self._finished()

    def give_up(self, record: RawRecord, error: RecordError) -> list[Made]:
        """The dead letter of a condemned record, which is not parsed."""
        self._batch.records += 1
        self._bury(record, error)
        self._watermark.read(record.offset)
        return self._finished()

    def skip_to(self, offset: int) -> None:
        """Note that no record comes before this offset."""
        self._watermark.read(offset - 1)

    def silent(self) -> list[Made]:
        """What held lines come to when the partition was silent for as long as a line is waited for; all open windows
        when it was silent for so many seconds."""
        quiet = self._clock() - self._last_record_at
        if quiet >= min(self._wait, self._silence):
            self._release_held()
            self._complete(self._joiner.flush())
        if quiet >= self._silence and not self._windower.idle:
            self._close(self._windower.flush())
        return self._finished()

    def acknowledged(self, made: Made, route: str = "") -> bool:
        """Note that Kafka has a window or a dead letter; False after a release."""
        if self._released:
            return False
        window = made if isinstance(made, Window) else made.window
        if window is not None:
            share = self._shares.pop(window.id)
        else:
            share = Share(1, 0, (made.offset, made.index))  # type: ignore[union-attr]
        self._watermark.acked(share.anchor)
        if isinstance(made, DeadLetter):
            self.tally.dead(share, made.error.reason)
        else:
            self.tally.windowed(share, route)
        return True

    def release(self) -> None:
        """Release the partition: its next reader reads the unfinished lines again."""
        self._released = True
        self.tally.release()

    def handled(self, offset: int) -> bool:
        """Whether a record was read, and all of its lines have a place: none is held."""
        held = self._first_held
        return self._watermark.next_offset > offset and (held is None or held[0] > offset)

    def begins_at(self, offset: int) -> bool:
        """Whether an open window begins with a line of this record."""
        return self._windower.begins_at(offset)

    @property
    def unacked(self) -> int:
        """The number of windows and dead letters that Kafka has not acknowledged."""
        return self._watermark.unacked

    @property
    def position(self) -> int:
        """The offset to commit."""
        windower, keys = self._windower, self._keys
        needed = [self._first_held, windower.first_open if keys is None else windower.first_anchor]
        if keys is not None:
            needed.append(keys.first_needed(windower.clock.now))
        return self._watermark.position(min((each for each in needed if each is not None), default=None))

    @property
    def _first_held(self) -> Position | None:
        """The first position of which it is not known yet what line it belongs to, or when."""
        found = (self._held[0] if self._held else None, self._joiner.first_held, self._windower.first_waiting)
        return min((each for each in found if each is not None), default=None)

    def _open(self, record: RawRecord, moment: Seconds) -> None:
        """Take the lines of a record's envelope."""
        try:
            lines = self._reader.read(record.value, moment if moment >= EARLIEST else None)
            if not lines:
                raise RecordError("empty", "the record holds no line")
        except RecordError as error:
            self._bury(record, error)
            return
        self._batch.opened += 1
        self._batch.lines += len(lines)
        moment = self._last_record_at if moment < 0 else moment
        value = record.value if len(lines) == 1 else None
        for index, raw in enumerate(lines):
            position = record.offset, index
            if isinstance(raw, RecordError):
                self._dead(position, record.key, value if value is not None else raw.item, raw)
                continue
            self._batch.implausible += raw.implausible
            source = record.key if raw.source is None else raw.source
            self._piece(position, _Read(moment, source, record.key, value, raw))

    def _known(self, position: Position, read: _Read, event: Event) -> None:
        """Take a first line whose event is known."""
        if self._joining is not None:
            if self._joining != (read.source,):
                self._push(Piece(position, read.source, event.line, read.time, None, read._replace(event=event)))
                return
            self._complete(self._joiner.flush())
            self._joining = None
        held = self._held
        if not self._joins:
            self._add(event, position, read)
        elif held is None or held[1].source == read.source:
            self._held = position, read, event
            if held is not None:
                self._add(held[2], held[0], held[1])
        else:
            self._release_held(into_joiner=True)
            self._push(Piece(position, read.source, event.line, read.time, None, read._replace(event=event)))

    def _piece(self, position: Position, read: _Read) -> None:
        """Take a line of an envelope, or a piece of one."""
        raw = read.raw
        assert raw is not None
        if self._held is not None:
            self._release_held(into_joiner=True)
        if self._joins or raw.partial is not None or self._joining is not None:
            self._push(Piece(position, read.source, raw.text, read.time, raw.partial, read))
        else:
            self._complete([Line(position, position, raw.text, 1, read)])

    def _release_held(self, into_joiner: bool = False) -> None:
        """Complete the known line that waits, or let the joiner hold it, so that its next line may continue it."""
        if self._held is None:
            return
        position, read, event = self._held
        self._held = None
        if into_joiner:
            self._push(Piece(position, read.source, event.line, read.time, None, read._replace(event=event)))
        else:
            self._add(event, position, read)

    def _push(self, piece: Piece[_Read]) -> None:
        """Give the joiner a piece, and take the lines that are complete."""
        if self._joining is None and piece.partial is None:
            self._joining = (piece.source,)
        elif piece.partial is not None or self._joining != (piece.source,):
            self._joining = _SEVERAL
        self._complete(self._joiner.push(piece))

    def _complete(self, lines: Sequence[Line[_Read]]) -> None:
        """Parse lines, and add them to their windows."""
        for line in lines:
            read = line.payload
            self.in_hand = line.first[0]
            self._batch.joined += line.pieces - 1
            if line.first[0] != line.last[0]:
                self._watermark.joined(line.first, line.last)
            whole = line.pieces == 1
            try:
                event = read.event if whole and read.event is not None else self._parse(line)
            except RecordError as error:
                value = read.value if whole and read.value is not None else line.text.encode("utf-8", "replace")
                self._dead(line.first, read.key, value, error)
            else:
                self._add(event, line.first, read, None if whole else line.last)
        if self._joiner.first_held is None:
            self._joining = None

    def _parse(self, line: Line[_Read]) -> Event:
        raw = line.payload.raw
        try:
            return self._parser.parse(line.text, raw.fields if raw else None)
        except RecordError:
            raise
        except Exception as error:
            # A line that no parser should fail on must not stop the partition for good; it is kept and logged.
            log.exception("a line could not be parsed", system=self.system)
            raise RecordError("parser-failed", f"{type(error).__name__}: {error}") from error

    def _add(self, event: Event, position: Position, read: _Read, last: Position | None = None) -> None:
        """Add a line to the windows of its sessions."""
        self.in_hand = position[0]
        moment = self._moment(event, read) if event.stamp is not None or read.raw is not None else read.time
        if not event.matched:
            self._batch.unmatched += 1
            self.report.unmatched = event.line
        plain = self._covered is None and self._keys is None and last is None
        if plain and (event.session or not self._sessions):
            self._window(event, position, read, moment, None)
        else:
            self._place(event, position, read, moment, last or position)

    def _place(self, event: Event, position: Position, read: _Read, moment: Seconds, last: Position) -> None:
        """Add a line to those of its sessions that have no emitted window with it."""
        keys: tuple[str | None, ...] = (None,)
        anchor = position
        if self._sessions:
            keys, anchor = self._keys_of(event, position, read, moment)
            if not keys:
                self._batch.dropped += 1
                self.report.keyless = event.line
                self._close(self._windower.advance(moment))
                return
        left = keys if self._covered is None else tuple(k for k in keys if not self._covered.covers(k, position))
        counted = left[:1] == keys[:1]
        self._batch.repeated += not counted
        if not left:
            self._close(self._windower.advance(moment))
            return
        if self._sessions and left != (event.session, *event.more):
            event = msgspec.structs.replace(event, session=left[0], more=left[1:])
        self._window(event, position, read, moment, Extent(last, anchor, counted))

    def _keys_of(self, event: Event, position: Position, read: _Read, moment: Seconds) -> tuple[Keys, Position]:
        """The session keys of a line, its own or those of its source, and the position that they are from."""
        now = self._windower.clock.now
        if event.session:
            keys: Keys = (event.session, *event.more)
            if self._keys is not None:
                self._keys.give(read.source, keys, position, moment, now)
            return keys, position
        inherited = self._keys.inherit(read.source, moment, now) if self._keys is not None else None
        if inherited is None:
            return (), position
        self._batch.inherited += 1
        return inherited

    def _window(self, event: Event, position: Position, read: _Read, moment: Seconds, extent: Extent | None) -> None:
        try:
            closed = self._windower.add(event, position, moment, extent)
        except RecordError as error:
            self._dead(position, read.key, read.value, error)
            return
        self._batch.memberships += 1 + (len(event.more) if self._sessions else 0)
        if closed:
            self._close(closed)

    def _moment(self, event: Event, read: _Read) -> Seconds:
        """The time of a line in seconds: of the field that is its time, of its envelope, of its header, else Kafka's."""
        envelope = read.raw.time if read.raw is not None else None
        if event.stamp is None or (envelope is not None and not self._own_time):
            return read.time if envelope is None else envelope
        own = self._line_clock.read(event.stamp, read.time if read.time >= EARLIEST else None)
        if own is None:
            self._batch.implausible += 1
            return read.time if envelope is None else envelope
        return own

    def _bury(self, record: RawRecord, error: RecordError) -> None:
        """Make a record that holds no line a dead letter."""
        self._batch.lines += 1
        self._dead((record.offset, 0), record.key, record.value, error)

    def _dead(self, position: Position, key: bytes | None, value: bytes | None, error: RecordError) -> None:
        self._watermark.sent(position)
        self.report.dead(error)
        self._made.append(DeadLetter(position[0], key, value, error, position[1]))

    def _close(self, windows: Sequence[Window]) -> None:
        for window in windows:
            share = self._shares[window.id] = self._windower.share(window)
            self._watermark.sent(share.anchor)
            self._made.append(window)

    def _finished(self) -> list[Made]:
        """Publish the counts; what was made since the last call."""
        batch, made = self._batch, self._made
        batch.implausible += self._windower.outliers - self._outliers
        self._outliers = self._windower.outliers
        self.tally.add(batch)
        self.report.add(batch, len(made))
        self._batch, self._made = Batch(), []
        return made
