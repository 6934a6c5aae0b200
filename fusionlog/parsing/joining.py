"""The joiner of one partition: pieces that a runtime cut, and lines that continue another, become one line."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Generic, Protocol, TypeVar

from msgspec import Struct

from fusionlog.settings import MultilineSettings
from fusionlog.types import Position

T = TypeVar("T")


class Partial(Protocol):
    """A piece of a line that a runtime cut: the line's id (None: pieces follow each other), and whether it ends it."""

    @property
    def id(self) -> str | None:
        """The id of the cut line."""

    @property
    def last(self) -> bool:
        """Whether the line ends here."""


class Piece(Struct, Generic[T], frozen=True, gc=False):
    """What one line of a record holds: a line, or a part of one. `moment` is Kafka's timestamp in seconds."""

    position: Position
    source: Hashable
    text: str
    moment: float
    partial: Partial | None
    payload: T


class Line(Struct, Generic[T], frozen=True, gc=False):
    """A line, and the positions and number of its pieces. The payload is that of the first piece."""

    first: Position
    last: Position
    text: str
    pieces: int
    payload: T


class Joiner(Generic[T]):
    """Joins the pieces of a partition to lines, in the order of their first positions.

    :param max_bytes: the longest joined line, in bytes of UTF-8.
    :param matches: whether a line has the system's header; None where the system has none.
    """

    def __init__(
        self, multiline: MultilineSettings, max_bytes: int, matches: Callable[[str], bool] | None = None
    ) -> None:
        self._held: list[Piece[T]] = []
        self.cuts = 0
        """The number of times that a limit ended a line which went on."""

    def push(self, piece: Piece[T]) -> Sequence[Line[T]]:
        """The lines that are complete now, in the order of their first positions."""
        return [Line(piece.position, piece.position, piece.text, 1, piece.payload)]

    def flush(self) -> Sequence[Line[T]]:
        """Everything held: at silence, or at the end of the data."""
        return []

    @property
    def first_held(self) -> Position | None:
        """The first position that is held, which holds the commit back."""
        return self._held[0].position if self._held else None

    def __len__(self) -> int:
        """The number of held pieces."""
        return len(self._held)
