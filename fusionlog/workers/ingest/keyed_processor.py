"""The second stage of a repartitioned system: the processor of one partition of its keyed topic."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from sys import intern
from typing import NamedTuple

import structlog
from msgspec.structs import replace

from fusionlog.errors import RecordError
from fusionlog.kafka import codecs
from fusionlog.parsing.envelopes.places import NOWHERE, LinePlace
from fusionlog.parsing.parser import Event, Parser
from fusionlog.parsing.windows import Share, Windower
from fusionlog.records import KeyedLine, Span, Window, spans_id
from fusionlog.settings import IngestSettings, SystemSettings
from fusionlog.types import Clock, Position
from fusionlog.workers.ingest.interleaving import Interleaver
from fusionlog.workers.ingest.line_report import LineReport
from fusionlog.workers.ingest.made import DeadLetter, KeyedLines, Made, RawRecord
from fusionlog.workers.ingest.origins import UNKNOWN, Origins, SeenOrigins
from fusionlog.workers.ingest.resume_state import CoveredOrigins, ResumeState, to_metadata
from fusionlog.workers.ingest.tally import Batch, Tally
from fusionlog.workers.ingest.watermark import CommitWatermark

log = structlog.get_logger(__name__)


class _Held(NamedTuple):
    """A line, and its offset in the keyed partition."""

    offset: int
    line: KeyedLine


class _Place(NamedTuple):
    """The place of a line that is in an open window, without its text: in the keyed partition, and in the raw topic."""

    kept: int
    topic: str
    partition: int
    offset: int
    line: int
    member: int


class _Sent(NamedTuple):
    """What a window or a dead letter accounts for, and the offsets of its lines."""

    share: Share
    offsets: list[int]


class KeyedProcessor:
    """The state of a keyed partition: `take` and `silent` return what is to be sent, `acknowledged` follows each.

    Lines that come again are left out, the others are put into the order of their arrival. In this order the windower
    takes them, under numbers that stand for their positions; a window that it closes is given the places of its lines.

    :param origins: the greatest origins that were taken before `start`.
    :param covered: the lines that emitted windows cover.
    """

    def __init__(
        self, system: str, settings: SystemSettings, ingest: IngestSettings, parser: Parser, windower: Windower,
        start: int, resume_state: ResumeState, origins: Origins = UNKNOWN, covered: CoveredOrigins | None = None,
        clock: Clock = time.time, report: LineReport | None = None,
    ) -> None:  # fmt: skip
        self.system, self.resume_state, self.tally = system, resume_state, Tally(system, "keyed")
        self.report = report or LineReport(system, settings)
        self._parser, self._windower, self._clock = parser, windower, clock
        self._seen, self._covered = SeenOrigins(start, origins), covered
        self._interleaver: Interleaver[_Held] = Interleaver(clock())
        # A raw partition's last line is keyed when it was not continued for so long: its session is not closed before.
        held = settings.multiline.wait_seconds if settings.multiline.enabled else 0.0
        self._silence = held + (ingest.silence_seconds or settings.window.idle_seconds)
        self._watermark = CommitWatermark(start)
        self._number = -1
        self._lines: dict[str, deque[tuple[int, _Place]]] = {}
        """The places of each session's lines that are in no closed window, with the numbers that the windower has."""
        self._sent: dict[str | int, deque[_Sent]] = {}
        """By the id of a window, or the offset of a dead letter. Where a raw topic began again, windows of other lines
        may have one id."""
        self._outliers = 0
        self._last_record_at = self._last_line_at = clock()
        self._batch, self._made = Batch(), list[Made]()
        self._released = False
        self._in_hand = start

    @property
    def in_hand(self) -> int:
        """The offset of the record whose line was in hand when `take` or `silent` raised."""
        waiting = self._windower.in_hand
        if waiting is None:
            return self._in_hand
        return next(place.kept for lines in self._lines.values() for number, place in lines if number == waiting[0])

    def take(self, records: Sequence[RawRecord]) -> list[Made]:
        """The windows that a batch of records closes, and its dead letters, in order."""
        now = self._last_record_at = self._clock()
        missing = self._seen.missing
        for record in records:
            self._in_hand = record.offset
            try:
                line = _line_of(record)
            except RecordError as error:
                self._bury(record, error)
            else:
                self._take_line(_Held(record.offset, line), now)
        self._batch.records += len(records)
        if self._seen.missing > missing:
            log.warning(
                "keyed lines came without the lines before them; their writer lost a batch, and all are sent again",
                system=self.system, offset=records[0].offset, lines=self._seen.missing - missing,
            )  # fmt: skip
        if records:
            self._watermark.read(records[-1].offset)
        self._add_all(self._interleaver.ready(now))
        return self._finished()

    def give_up(self, record: RawRecord, error: RecordError) -> list[Made]:
        """The dead letter of a condemned record, which is not parsed."""
        self._batch.records += 1
        try:
            held = _Held(record.offset, _line_of(record))
        except RecordError:
            self._bury(record, error)
        else:
            self._batch.opened += 1
            self._batch.lines += not held.line.member
            self._seen.take(held.line)
            self._watermark.sent((record.offset, 0))
            self._refuse(held, error)
        self._watermark.read(record.offset)
        return self._finished()

    def skip_to(self, offset: int) -> None:
        """Note that no record comes before this offset."""
        self._watermark.read(offset - 1)

    def deleted(self) -> None:
        """Note that retention deleted records before they were read: what the next ones follow is not there."""
        self._seen.forget()

    def silent(self) -> list[Made]:
        """What lines that were held long enough come to; all open windows when the partition was silent for so many
        seconds."""
        now = self._clock()
        is_silent = now - self._last_record_at >= self._silence
        self._add_all(self._interleaver.flush() if is_silent else self._interleaver.ready(now))
        if is_silent:
            self._close(self._windower.flush())
        return self._finished()

    def acknowledged(self, made: Made, route: str = "") -> bool:
        """Note that Kafka has a window or a dead letter; False after a release."""
        if self._released or isinstance(made, KeyedLines):
            return False
        window = made if isinstance(made, Window) else made.window
        if isinstance(made, DeadLetter):
            closed = self._taken(made.offset if window is None else window.id)
            self.tally.dead(closed.share, made.error.reason)
        else:
            closed = self._taken(made.id)
            self.tally.windowed(closed.share, route)
        for offset in closed.offsets:
            self._watermark.acked((offset, 0))
        return True

    def release(self) -> None:
        """Release the partition: its next reader reads the unfinished lines again."""
        self._released = True
        self.tally.release()

    def handled(self, offset: int) -> bool:
        """Whether a record was read, and its line has a place: it is not held."""
        is_held = self._windower.first_waiting is not None
        is_held |= any(held.offset <= offset for held in self._interleaver.heads)
        return self._watermark.next_offset > offset and not is_held

    def begins_at(self, offset: int) -> bool:
        """Whether an open window begins with the line of this record."""
        return any(min(place.kept for _, place in lines) == offset for lines in self._lines.values())

    @property
    def unacked(self) -> int:
        """The number of windows and dead letters that Kafka has not acknowledged."""
        return sum(map(len, self._sent.values()))

    def commit(self) -> tuple[int, str]:
        """The offset to commit, with the metadata for the next reader."""
        self._seen.mark(self._watermark.next_offset)
        offset, origins = self._seen.at(self._watermark.position())
        if self._covered is not None and offset > self._covered.last:
            self._covered = None
        return offset, to_metadata(self.resume_state.places(offset), origins=origins)

    def _take_line(self, held: _Held, now: float) -> None:
        """Hold a line, but for one that comes again."""
        line, batch = held.line, self._batch
        batch.opened += 1
        batch.lines += not line.member
        if not self._seen.take(line):
            batch.repeated += not line.member
            return
        self._watermark.sent((held.offset, 0))
        self._interleaver.push(line.partition, (line.arrived, line.time), held, now, len(line.text))

    def _add_all(self, lines: Sequence[_Held]) -> None:
        """Add lines in order."""
        if not lines:
            return
        now = self._clock()
        self._windower.clock.allow(now - self._last_line_at)
        self._last_line_at = now
        for held in lines:
            self._in_hand = held.offset
            self._add(held)

    def _add(self, held: _Held) -> None:
        """Add a line to the window of its session; one that an emitted window has moves the clock alone."""
        line = held.line
        if self._covered is not None and self._covered.covers(line, held.offset):
            self._batch.repeated += not line.member
            self._watermark.acked((held.offset, 0))
            self._close(self._windower.advance(line.time))
            return
        try:
            event = self._event(line)
        except RecordError as error:
            self._refuse(held, error)
            return
        self._number += 1
        self._lines.setdefault(line.session, deque()).append((self._number, _place_of(held)))
        self._batch.memberships += 1
        stated = line.time if line.stated else None
        place = LinePlace(line.host, line.file) if line.host or line.file else NOWHERE
        self._close(self._windower.add(event, (self._number, 0), line.time, None, False, stated, place))

    def _event(self, line: KeyedLine) -> Event:
        """The event of a line, in the session that it was sent to.

        :raises RecordError: it cannot be parsed.
        """
        try:
            event = self._parser.parse_text(line.text, line.fields or None)
        except RecordError:
            raise
        except Exception as error:
            log.exception("a line could not be parsed", system=self.system)
            raise RecordError("parser-failed", f"{type(error).__name__}: {error}") from error
        if event.session == line.session and not event.more:
            return event
        return replace(event, session=line.session, more=())

    def _bury(self, record: RawRecord, error: RecordError) -> None:
        """Make a record that is no line a dead letter; who reads the keyed topic again reads the same."""
        self._batch.lines += 1
        self._watermark.sent((record.offset, 0))
        letter = DeadLetter(record.offset, record.key, record.value, error, replayable=False)
        self._dead(letter, Share(1, 0, (record.offset, 0)))

    def _refuse(self, held: _Held, error: RecordError) -> None:
        """Make a line that is in no window a dead letter: its text, at its place in the raw topic, which takes it again
        where no field of its envelope is needed."""
        line = held.line
        origin = line.topic, line.partition, line.offset, line.index
        whole = not line.fields and not line.member
        letter = DeadLetter(
            held.offset, line.session.encode(), line.text.encode(), error, origin=origin, replayable=whole
        )  # fmt: skip
        self._dead(letter, Share(int(not line.member), 0, (held.offset, 0)))

    def _dead(self, letter: DeadLetter, share: Share) -> None:
        self._sent[letter.offset] = deque([_Sent(share, [letter.offset])])
        self.report.dead(letter.error)
        self._made.append(letter)

    def _close(self, windows: Sequence[Window]) -> None:
        for window in windows:
            lines = self._lines_of(window)
            placed = _placed(window, lines)
            counted = sum(not place.member for place in lines)
            offsets = [place.kept for place in lines]
            share = Share(counted, len(lines), (placed.first_offset, 0))
            self._sent.setdefault(placed.id, deque()).append(_Sent(share, offsets))
            self._made.append(placed)

    def _taken(self, key: str | int) -> _Sent:
        """What was sent first under a window's id, or a dead letter's offset; it is sent no longer."""
        sent = self._sent[key]
        first = sent.popleft()
        if not sent:
            del self._sent[key]
        return first

    def _lines_of(self, window: Window) -> list[_Place]:
        """The places of a closed window's lines."""
        lines, own = self._lines[window.session], []
        while lines and lines[0][0] <= window.last_offset:
            own.append(lines.popleft()[1])
        if not lines:
            del self._lines[window.session]
        return own

    def _finished(self) -> list[Made]:
        """Publish the counts; what was made since the last call."""
        batch, made = self._batch, self._made
        batch.implausible = self._windower.outliers - self._outliers
        self._outliers = self._windower.outliers
        batch.unmined, example = self._parser.take_unmined()
        self.report.unmined = example or self.report.unmined
        batch.overflowed, self._windower.overflowed = self._windower.overflowed, 0
        self.tally.add(batch)
        self.report.add(
            Batch(implausible=batch.implausible, unmined=batch.unmined, overflowed=batch.overflowed),
            made,
        )
        self._batch, self._made = Batch(), []
        return made


def _line_of(record: RawRecord) -> KeyedLine:
    """The line of a record.

    :raises RecordError: it holds none, or one without a session.
    """
    line = codecs.decode(record.value, KeyedLine)
    if not line.session:
        raise RecordError("no-session-key", "a KeyedLine has an empty session")
    return line


def _place_of(held: _Held) -> _Place:
    line = held.line
    return _Place(held.offset, intern(line.topic), line.partition, line.offset, line.index, line.member)


def _placed(window: Window, lines: Sequence[_Place]) -> Window:
    """A window with the places of its lines: in the keyed partition, and in each raw partition."""
    spans: dict[int, list[Position]] = {}
    for place in lines:
        spans.setdefault(place.partition, []).append((place.offset, place.line))
    found = [
        Span(
            partition=partition, first_offset=min(places)[0], first_index=min(places)[1],
            last_offset=max(places)[0], last_index=max(places)[1],
        )
        for partition, places in sorted(spans.items())
    ]  # fmt: skip
    offsets = [line.kept for line in lines]
    return replace(
        window, id=spans_id(lines[0].topic, found, window.session), spans=found, first_offset=min(offsets),
        first_index=0, last_offset=max(offsets), last_index=0,
    )  # fmt: skip
