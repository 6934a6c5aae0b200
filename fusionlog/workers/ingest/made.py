"""What goes into the processor of a partition, and what comes out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from fusionlog.errors import RecordError
from fusionlog.parsing.envelopes.places import NOWHERE, LinePlace
from fusionlog.parsing.parser import Event
from fusionlog.parsing.windows import Membership, Share
from fusionlog.records import Seconds, Window
from fusionlog.types import Position
from fusionlog.workers.ingest.resume_state import ResumeState


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
    value to the raw topic again repeats none of them. `index` is the line's place in its record. `origin` is the raw
    topic, partition, offset and index of a line that was read from a keyed topic.
    """

    offset: int
    key: bytes | None
    value: bytes | None
    error: RecordError
    index: int = 0
    window: Window | None = None
    origin: tuple[str, int, int, int] | None = None
    replayable: bool = True


@dataclass(frozen=True)
class KeyedLines:
    """Lines of a raw partition for the keyed topic: keys and values of records by partition, in order.

    `share` is what they account for.
    """

    records: dict[int, list[tuple[bytes, bytes]]]
    share: Share


Made = Window | DeadLetter | KeyedLines


class EventTime(Protocol):
    """The part of an event clock that a processor uses."""

    def allow(self, seconds: float) -> None:
        """Allow a step of so many seconds more."""


class Cutter(Protocol):
    """What a processor adds lines to: a windower, or what prepares them for the keyed topic."""

    outliers: int
    shared: int
    overflowed: int

    @property
    def clock(self) -> EventTime:
        """Its event clock."""

    @property
    def in_hand(self) -> Position | None:
        """A line that waited, in hand now."""

    @property
    def first_open(self) -> Position | None:
        """The first position that is in no closed window."""

    @property
    def first_waiting(self) -> Position | None:
        """The first position that waits for evidence of its time."""

    @property
    def first_anchor(self) -> Position | None:
        """The first position that open windows depend on."""

    def begins_at(self, offset: int) -> bool:
        """Whether an open window begins with a line of this record."""

    def share(self, window: Window) -> Share:
        """What a closed window accounts for."""

    def add(
        self, event: Event, position: Position, time: Seconds, membership: Membership | None = None,
        decided: bool = False, stated: Seconds | None = None, place: LinePlace = NOWHERE,
    ) -> Sequence[Window]:  # fmt: skip
        """Take a line.

        :raises RecordError: it cannot be used.
        """

    def advance(self, time: Seconds) -> Sequence[Window]:
        """Take the time of a line that is in no window."""

    def flush(self) -> Sequence[Window]:
        """Close all windows."""


class Processor(Protocol):
    """The state of a partition: `take` and `silent` return what is to be sent, `acknowledged` follows each delivery."""

    system: str
    resume_state: ResumeState

    @property
    def in_hand(self) -> int:
        """The offset of the record that was in hand at an exception."""

    def take(self, records: Sequence[RawRecord]) -> list[Made]:
        """What a batch of records comes to."""

    def give_up(self, record: RawRecord, error: RecordError) -> list[Made]:
        """What a condemned record comes to."""

    def skip_to(self, offset: int) -> None:
        """Note that no record comes before this offset."""

    def silent(self) -> list[Made]:
        """What a silence comes to."""

    def acknowledged(self, made: Made, route: str = "") -> bool:
        """Note that Kafka has it; False after a release."""

    def release(self) -> None:
        """Release the partition."""

    def handled(self, offset: int) -> bool:
        """Whether a record was read, and all of its lines have a place."""

    def begins_at(self, offset: int) -> bool:
        """Whether an open window begins with a line of this record."""

    def deleted(self) -> None:
        """Note that retention deleted records before they were read."""

    @property
    def unacked(self) -> int:
        """The number of windows, dead letters and keyed lines that Kafka has not acknowledged."""

    def commit(self) -> tuple[int, str]:
        """The offset to commit, with the metadata for the next reader."""
