"""The processor of one raw partition: records to windows and dead letters, every line accounted for."""

from __future__ import annotations

import time
from collections.abc import Sequence

import structlog

from fusionlog.errors import RecordError
from fusionlog.parsing.envelopes import EnvelopeReader
from fusionlog.parsing.envelopes.places import LinePlaces
from fusionlog.parsing.joining import Joiner, Line, Piece
from fusionlog.parsing.parser import Event, Parser
from fusionlog.parsing.times import EARLIEST, LATEST, LineClock
from fusionlog.parsing.windows import Membership, Share
from fusionlog.records import Seconds, Window
from fusionlog.settings import IngestSettings, SystemSettings
from fusionlog.types import Clock, Position
from fusionlog.workers.ingest.line_report import LineReport
from fusionlog.workers.ingest.made import Cutter, DeadLetter, KeyedLines, Made, RawRecord
from fusionlog.workers.ingest.read_line import ReadLine
from fusionlog.workers.ingest.resume_state import CoveredLines, ResumeState, to_metadata
from fusionlog.workers.ingest.sessions import Sessions
from fusionlog.workers.ingest.tally import Batch, Tally
from fusionlog.workers.ingest.watermark import CommitWatermark

log = structlog.get_logger(__name__)


MAX_HELD_BYTES = 32_000_000
"""Of records that are longer than two of the longest lines: when so much of them was read, no line waits any longer for
what continues it, since a line that waits holds its record."""

_Known = tuple[int, bytes | None, bytes, Seconds, Event]
"""A record that is one line of a known shape: offset, key, value, Kafka's time and event."""

_NOTHING = (-1, None, b"", 0.0, None)


class PartitionProcessor:
    """The state of a partition: `take` and `silent` return what is to be sent, `acknowledged` follows each delivery."""

    def __init__(
        self, system: str, settings: SystemSettings, ingest: IngestSettings, parser: Parser, windower: Cutter,
        start: int, resume_state: ResumeState, covered: CoveredLines | None = None, clock: Clock = time.time,
        report: LineReport | None = None, reader: EnvelopeReader | None = None,
    ) -> None:  # fmt: skip
        self.system, self.resume_state, self.tally = system, resume_state, Tally(system)
        self.report = report or LineReport(system, settings)
        self._parser, self._windower, self._clock = parser, windower, clock
        self._event_of = parser.parse
        self._reader, self._line_clock = reader or EnvelopeReader(settings, ingest), LineClock(settings)
        self._own_time = settings.time_field is not None
        self._large, self._large_bytes = 2 * ingest.max_line_bytes, 0
        self._wait, self._holds = settings.multiline.wait_seconds, settings.multiline.enabled
        self._joiner: Joiner[ReadLine] = Joiner(settings.multiline, ingest.max_line_bytes, parser.matches, parser.watch)
        self._held: _Known | None = None
        self._sessions, self._places = Sessions(settings, covered), LinePlaces()
        self._plain = self._sessions.are_own
        self._added = self._shared = self._outliers = 0
        self._silence = ingest.silence_seconds or settings.window.idle_seconds
        self._watermark = CommitWatermark(start)
        self._shares: dict[str, Share] = {}
        self._last_record_at = clock()
        self._batch = Batch()
        self._made: list[Made] = []
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
        recall, add = self._parser.recall, self._windower.add
        plain = self._plain and not self._parser.has_times
        any_session, added = not self._sessions.by_key, 0
        offset, key, value, moment, event = self._held or _NOTHING
        self._held, hand = None, -1
        try:
            for record in records:
                text = record.value
                found = recall(text) if text else None
                if (
                    found is not None
                    and event is not None
                    and key == record.key
                    and plain
                    and (event.session or any_session)
                ):
                    hand = offset
                    added += 1
                    try:
                        closed = add(event, (offset, 0), moment)
                    except RecordError as error:
                        self._refused((offset, 0), key, value, error)
                    else:
                        if closed:
                            self._close(closed)
                    offset, value, moment, event = record.offset, text or b"", record.timestamp / 1000, found
                    if not 0 <= moment < LATEST:
                        moment = now
                    continue
                hand = -1
                held = None if event is None else (offset, key, value, moment, event)
                offset, key, value, moment, event = self._take_one(record, found, held) or _NOTHING
        except Exception:
            waiting = self._windower.in_hand
            self.in_hand = waiting[0] if waiting is not None else hand if hand >= 0 else self.in_hand
            raise
        if event is not None:
            self._held = offset, key, value, moment, event
        batch = self._batch
        self._added += added
        batch.records += len(records)
        batch.opened += added
        batch.lines += added
        if records:
            self._watermark.read(records[-1].offset)
        return self._finished()

    def _take_one(self, record: RawRecord, found: Event | None, held: _Known | None) -> _Known | None:
        """Take a record, with what is known of it and of the line before; the line that is held then."""
        moment = record.timestamp / 1000
        if found is None:
            if held is not None:
                self._push(held)
            self.in_hand = record.offset
            self._open(record, moment)
            return None
        value = record.value or b""
        self._batch.opened += 1
        self._batch.lines += 1
        line = record.offset, record.key, value, moment if 0 <= moment < LATEST else self._last_record_at, found
        if held is not None and held[1] == record.key:
            self._add_known(*held)
            return line
        if held is not None:
            self._push(held)
        if held is not None or self._joiner.first_held is not None:
            return self._push(line)
        if self._holds:
            return line
        self._add_known(*line)
        return None

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
            if self._held is not None:
                held, self._held = self._held, None
                self._add_known(*held)
            self._complete(self._joiner.flush())
        if quiet >= self._silence:
            self._close(self._windower.flush())
            self._sessions.forget()
        return self._finished()

    def deleted(self) -> None:
        """Nothing: what was not read is in no window."""

    def acknowledged(self, made: Made, route: str = "") -> bool:
        """Note that Kafka has a window or a dead letter; False after a release."""
        if self._released or isinstance(made, KeyedLines):
            return False
        window = made if isinstance(made, Window) else made.window
        share = None if window is None else self._shares.pop(window.id)
        if isinstance(made, DeadLetter):
            share = share or Share(1, 0, (made.offset, made.index))
            self.tally.dead(share, made.error.reason)
        elif share is not None:
            self.tally.windowed(share, route)
        if share is not None:
            self._watermark.acked(share.anchor)
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

    def commit(self) -> tuple[int, str]:
        """The offset to commit, with the metadata for the next reader."""
        position = self.position
        return position, to_metadata(self.resume_state.places(position))

    @property
    def position(self) -> int:
        """The offset to commit."""
        windower, sessions = self._windower, self._sessions
        needed = (
            self._first_held,
            windower.first_anchor if sessions.inherits else windower.first_open,
            sessions.first_needed(self._watermark.next_offset),
        )
        return self._watermark.position(min((each for each in needed if each is not None), default=None))

    @property
    def _first_held(self) -> Position | None:
        """The first position of which it is not known yet what line it belongs to, or when."""
        found = ((self._held[0], 0) if self._held else None, self._joiner.first_held, self._windower.first_waiting)
        return min((each for each in found if each is not None), default=None)

    def _open(self, record: RawRecord, moment: Seconds) -> None:
        """Take the lines of a record's envelope."""
        try:
            lines = self._reader.read(record.value, moment if EARLIEST <= moment < LATEST else None)
            if not lines:
                raise RecordError("empty", "the record holds no line")
        except RecordError as error:
            self._bury(record, error)
            return
        self._batch.opened += 1
        self._batch.lines += len(lines)
        moment = moment if 0 <= moment < LATEST else self._last_record_at
        whole = record.value if len(lines) == 1 else None
        for index, raw in enumerate(lines):
            position = record.offset, index
            if isinstance(raw, RecordError):
                self._dead(position, record.key, raw.item if whole is None else whole, raw)
                continue
            self._batch.implausible += raw.implausible
            source = record.key if raw.source is None else raw.source
            read = ReadLine(moment, source, record.key, whole, raw)
            piece = Piece(position, source, raw.text, moment, raw.partial, read)
            try:
                done = self._joiner.push(piece)
            except RecordError as error:
                self._dead(position, record.key, raw.text.encode("utf-8", "replace") if whole is None else whole, error)
            else:
                self._complete(done)
        if len(record.value or b"") > self._large:
            self._took_large(len(record.value or b""))

    def _took_large(self, length: int) -> None:
        self._large_bytes += length
        if self._large_bytes > MAX_HELD_BYTES:
            self._large_bytes = 0
            self._complete(self._joiner.flush())

    def _add_known(self, offset: int, key: bytes | None, value: bytes, moment: Seconds, event: Event) -> None:
        """Add a complete line of a known shape."""
        self._add(event, (offset, 0), ReadLine(moment, key, key, value))

    def _push(self, line: _Known) -> _Known | None:
        """Give the joiner a line of a known shape; the line again where the joiner holds nothing else, so that it need
        not hold it."""
        offset, key, value, moment, event = line
        read = ReadLine(moment, key, key, value, None, event)
        try:
            done = self._joiner.push(Piece((offset, 0), key, event.line, moment, None, read))
        except RecordError as error:
            self._dead((offset, 0), key, value, error)
            return None
        self._complete(done)
        return line if done and self._joiner.take_only() is not None else None

    def _complete(self, lines: Sequence[Line[ReadLine]]) -> None:
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
                self._add(event, line.first, read)

    def _parse(self, line: Line[ReadLine]) -> Event:
        raw = line.payload.raw
        try:
            return self._event_of(line.text, raw.fields if raw else None)
        except RecordError:
            raise
        except Exception as error:
            # A line that no parser should fail on must not stop the partition for good; it is kept and logged.
            log.exception("a line could not be parsed", system=self.system)
            raise RecordError("parser-failed", f"{type(error).__name__}: {error}") from error

    def _add(self, event: Event, position: Position, read: ReadLine) -> None:
        """Add a line to the windows of its sessions."""
        self.in_hand = position[0]
        stated = self._stated(event, read) if event.stamp is not None or read.raw is not None else None
        moment = read.time if stated is None else stated
        if not event.matched:
            self._batch.unmatched += 1
            self.report.unmatched = event.line
        if self._plain and (event.session or not self._sessions.by_key):
            self._window(event, position, read, moment, stated, None)
        else:
            self._place(event, position, read, moment, stated)

    def _place(self, event: Event, position: Position, read: ReadLine, moment: Seconds, stated: Seconds | None) -> None:
        """Add a line to those of its sessions that have no emitted window with it; else it moves the clock alone."""
        found = self._sessions.of(event, position, read.source, moment, self._batch)
        self._plain = self._sessions.are_own
        if found is not None:
            self._window(found[0], position, read, moment, stated, found[1])
            return
        if self._sessions.by_key and not event.session:
            self.report.keyless = event.line
        self._close(self._windower.advance(moment))

    def _window(
        self, event: Event, position: Position, read: ReadLine, moment: Seconds, stated: Seconds | None,
        membership: Membership | None,
    ) -> None:  # fmt: skip
        self._added += 1
        try:
            place = self._places.of(read.raw)
            self._close(self._windower.add(event, position, moment, membership, False, stated, place))
        except RecordError as error:
            self._refused(position, read.key, read.value, error)

    def _refused(self, position: Position, key: bytes | None, value: bytes | None, error: RecordError) -> None:
        """Make a line that no window takes a dead letter."""
        self._added -= 1
        self._dead(position, key, value, error)

    def _stated(self, event: Event, read: ReadLine) -> Seconds | None:
        """The time that a line has: of the field that is its time, of its envelope, of its header; None: it has none,
        and Kafka's counts."""
        envelope = read.raw.time if read.raw is not None else None
        if event.stamp is None or (envelope is not None and not self._own_time):
            return envelope
        own = self._line_clock.read(event.stamp, read.time if EARLIEST <= read.time < LATEST else None)
        if own is None:
            self._batch.implausible += 1
            return envelope
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
        batch.unmined, example = self._parser.take_unmined()
        self.report.unmined = example or self.report.unmined
        batch.overflowed, self._windower.overflowed = self._windower.overflowed, 0
        batch.memberships += self._added + self._windower.shared - self._shared
        self._added, self._outliers, self._shared = 0, self._windower.outliers, self._windower.shared
        self.tally.add(batch)
        self.report.add(batch, made)
        self._batch, self._made = Batch(), []
        return made
