"""The joiner of one partition: pieces that a runtime cut, and lines that continue another, become one line.

A line is complete when the next one of its source begins. It comes out in the order of first positions, so it waits for
the lines before it; an incomplete line is waited for until a piece is `wait_seconds` later than its last one, or until
1,000 lines stand behind it.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, Protocol, TypeVar

from msgspec import Struct

from fusionlog.parsing import continuations
from fusionlog.parsing.continuations import OPEN_ENDS, ORDINARY, begins
from fusionlog.parsing.regex_invariance import DIGITS, HEX_DIGITS, is_invariant
from fusionlog.settings import MultilineSettings
from fusionlog.types import Position
from fusionlog.utils.expression_limit import Watch

MAX_HELD = 1_000
"""Lines that are held for their order, at most."""

_UUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-").search

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


class _Open(Struct, Generic[T], gc=False):
    """A line that may go on; without `texts` it is its first piece. A negative state or size is not read yet."""

    piece: Piece[T]
    moment: float
    last: Position
    previous: str
    pieces: int = 1
    texts: list[str] | None = None
    state: int = -1
    size: int = -1
    cut_id: str | None = None
    unfinished: bool = False
    is_plain: bool = True
    """It has one piece and is not cut."""
    done: bool = False

    @property
    def head(self) -> str:
        """Its first piece."""
        return self.piece.text

    def line(self) -> Line[T]:
        """The line as it is now."""
        text = self.piece.text if self.texts is None else "".join(self.texts)
        return Line(self.piece.position, self.last, text, self.pieces, self.piece.payload)

    def append(self, piece: Piece[T], separator: str) -> None:
        """Add a piece behind the others."""
        if self.texts is None:
            self.texts, self.is_plain = [self.piece.text], False
        self.texts += (separator, piece.text)
        self.last, self.moment = piece.position, max(piece.moment, self.moment)
        self.pieces += 1
        self.size += len(separator) + _bytes(piece.text)

    def room_for(self, text: str, limit: int) -> bool:
        """Whether a text fits into a line of so many bytes."""
        if self.size < 0:
            self.size = _bytes(self.piece.text)
        return self.size + 1 + _bytes(text) <= limit


class Joiner(Generic[T]):
    """Joins the pieces of a partition to lines, in the order of their first positions.

    The outcome depends on the pieces alone, apart from `flush`: waiting is measured in their moments. A piece that a
    limit keeps from its line begins a line of its own, so that nothing is lost; `cuts` counts these.

    :param max_bytes: the longest joined line, in bytes of UTF-8.
    :param matches: whether a line has the system's header; None where the system has none.
    :param watch: of the setting's own expression.
    """

    def __init__(
        self, multiline: MultilineSettings, max_bytes: int, matches: Callable[[str], bool] | None = None,
        watch: Watch | None = None,
    ) -> None:  # fmt: skip
        self._joins, self._max_pieces, self._wait = multiline.enabled, multiline.max_lines, multiline.wait_seconds
        self._max_bytes, self._matches = max_bytes, matches
        self._rule = _rule(multiline, watch or Watch())
        self._quick, self._holds_none = self._rule is None, not self._joins
        self._only: Piece[T] | None = None
        """The only piece that is held, where it is a whole line; the others are empty then."""
        self._queue: deque[_Open[T]] = deque()
        self._current: dict[Hashable, _Open[T]] = {}
        self._cut: dict[tuple[Hashable, str], _Open[T]] = {}
        self.cuts = 0
        """The number of times that a limit ended a line which went on."""

    def push(self, piece: Piece[T]) -> Sequence[Line[T]]:
        """The lines that are complete now, in the order of their first positions."""
        only, partial = self._only, piece.partial
        if only is not None:
            previous = only.text
            if (
                piece.source == only.source
                and (partial is None or partial.last)
                and ((piece.text[:1] in ORDINARY and previous[-1:] not in OPEN_ENDS) or begins(piece.text, previous))
            ):
                self._only = piece
                return (Line(only.position, only.position, previous, 1, only.payload),)
            self._only = None
            self._add(only)
        elif not self._queue:
            if self._holds_none and (partial is None or partial.last):
                return (Line(piece.position, piece.position, piece.text, 1, piece.payload),)
        elif self._quick and (partial is None or (partial.last and partial.id is None)):
            held = self._current.get(piece.source)
            if held is not None and held.is_plain:
                text, previous = piece.text, held.previous
                if (text[:1] in ORDINARY and previous[-1:] not in OPEN_ENDS) or begins(text, previous):
                    return self._replace(piece, held)
        self._take(piece)
        return self._complete(piece.moment)

    def _replace(self, piece: Piece[T], held: _Open[T]) -> Sequence[Line[T]]:
        """Begin a line behind a complete one of its source; mostly that was the first in the queue."""
        moment, queue = piece.moment, self._queue
        held.done = True
        self._current[piece.source] = line = _Open(piece, moment, piece.position, piece.text)
        queue.append(line)
        first = queue[0]
        if first is held:
            queue.popleft()
            first = queue[0]
            if not first.done and moment - first.moment <= self._wait and len(queue) > 1:
                whole = held.piece
                return (Line(whole.position, whole.position, whole.text, 1, whole.payload),)
            return [held.line(), *self._complete(moment)]
        if not first.done and moment - first.moment <= self._wait and len(queue) <= MAX_HELD:
            return ()
        return self._complete(moment)

    def flush(self) -> Sequence[Line[T]]:
        """Everything held: at silence, or at the end of the data."""
        if self._only is not None:
            self._add(self._only)
            self._only = None
        for held in self._queue:
            self._close(held)
        lines = [held.line() for held in self._queue]
        self._queue.clear()
        return lines

    def take_only(self) -> Piece[T] | None:
        """The only held piece, where it is a whole line and may be kept elsewhere: the joiner holds nothing then."""
        only, self._only = self._only, None
        return only

    @property
    def first_held(self) -> Position | None:
        """The first position that is held, which holds the commit back."""
        if self._only is not None:
            return self._only.position
        return self._queue[0].piece.position if self._queue else None

    @property
    def held(self) -> int:
        """The number of held lines."""
        return len(self._queue) + (self._only is not None)

    def _take(self, piece: Piece[T]) -> None:
        """Add a piece to the line that it goes on with, or begin one."""
        held = self._current.get(piece.source)
        line = self._cut_line(piece, held)
        if line is not None:
            self._go_on(piece, line)
        elif held is None or held.unfinished or not self._continues(piece, held):
            self._begin(piece, held)

    def _cut_line(self, piece: Piece[T], held: _Open[T] | None) -> _Open[T] | None:
        """The unfinished line that a piece belongs to: by its id, else that of the source."""
        partial = piece.partial
        if partial is not None and partial.id is not None:
            return self._cut.get((piece.source, partial.id))
        return held if held is not None and held.unfinished and held.cut_id is None else None

    def _go_on(self, piece: Piece[T], line: _Open[T]) -> None:
        """Add a piece to an unfinished line; behind a limit it begins a line instead."""
        if not self._fits(piece, line):
            self._close(line)
            self._begin(piece, self._current.get(piece.source))
            return
        line.append(piece, "")
        line.previous += piece.text
        self._mark(piece, line)

    def _continues(self, piece: Piece[T], held: _Open[T]) -> bool:
        """Whether a piece continues its source's line, to which it is added then."""
        text = piece.text
        form = None
        if self._rule is not None:
            if not self._rule(text):
                return False
        else:
            if held.is_plain and begins(text, held.previous):
                return False
            form = continuations.form_of(text)
            if held.state < 0:
                held.state = continuations.state_of(held.head)
            if not continuations.continues(text, form, held, self._matches):
                return False
        if not self._fits(piece, held):
            self.cuts += 1
            return False
        held.append(piece, "\n")
        if form is not None or self._rule is None:
            held.state = continuations.grown(held.state, form, text)
        if form != "blank":
            held.previous = text
        self._mark(piece, held)
        return True

    def _fits(self, piece: Piece[T], line: _Open[T]) -> bool:
        return (
            piece.moment - line.moment <= self._wait
            and line.pieces < self._max_pieces
            and line.room_for(piece.text, self._max_bytes)
        )

    def _begin(self, piece: Piece[T], held: _Open[T] | None) -> None:
        """Begin a line; what the source holds is complete, unless it is in pieces with an id."""
        if held is not None and not held.unfinished:
            held.done = True
        self._mark(piece, self._add(piece))

    def _add(self, piece: Piece[T]) -> _Open[T]:
        line = _Open(piece, piece.moment, piece.position, piece.text)
        self._queue.append(line)
        self._current[piece.source] = line
        return line

    def _mark(self, piece: Piece[T], line: _Open[T]) -> None:
        """Note whether a line is finished with this piece."""
        partial = piece.partial
        if partial is not None and not partial.last:
            line.unfinished, line.is_plain, line.cut_id = True, False, partial.id
            if partial.id is not None:
                self._cut[piece.source, partial.id] = line
        elif line.unfinished or not self._joins:
            self._finish(line)

    def _finish(self, line: _Open[T]) -> None:
        """Note that the last piece of a line came. It may be continued while it is its source's latest."""
        if line.cut_id is not None:
            del self._cut[line.piece.source, line.cut_id]
        line.unfinished, line.cut_id = False, None
        if not self._joins or self._current.get(line.piece.source) is not line:
            self._close(line)

    def _close(self, line: _Open[T]) -> None:
        """End a line, complete or not."""
        source = line.piece.source
        if line.unfinished:
            self.cuts += 1
            if line.cut_id is not None:
                del self._cut[source, line.cut_id]
            line.unfinished, line.cut_id = False, None
        line.done = True
        if self._current.get(source) is line:
            del self._current[source]

    def _complete(self, moment: float) -> Sequence[Line[T]]:
        """Take the lines off the queue that are complete, and those that are waited for no longer."""
        lines = []
        queue = self._queue
        while queue:
            line = queue[0]
            if not line.done:
                if moment - line.moment <= self._wait and len(queue) <= MAX_HELD:
                    break
                self._close(line)
            lines.append(queue.popleft().line())
        if self._quick and len(queue) == 1 and queue[0].is_plain:
            self._only = queue.popleft().piece
            self._current.clear()
        return lines


def settled_lines(
    multiline: MultilineSettings, matches: Callable[[str], bool] | None = None, watch: Watch | None = None
) -> Callable[[str], bool]:
    """Whether a line is a first line whatever comes before it; the answer is that of all lines of its shape.

    What is recalled by its shape may be kept beside the joiner while it holds nothing, if only such lines are recalled.
    """
    rule = _rule(multiline, watch or Watch())
    if not multiline.enabled:
        return lambda _: True
    if rule is None:
        return lambda text: continuations.is_settled(text, matches)
    expression = multiline.start or multiline.continues or ""
    if not is_invariant(expression, DIGITS):
        return _never
    identifiers = is_invariant(expression, HEX_DIGITS)
    return lambda text: not rule(text) and (identifiers or _UUID(text) is None)


def _rule(multiline: MultilineSettings, watch: Watch) -> Callable[[str], bool] | None:
    """Whether a line continues another by the setting's own expression; None: by its form."""
    if not multiline.enabled:
        return _never
    if multiline.start is not None:
        first = watch.guarded(f"multiline.start {multiline.start}", re.compile(multiline.start).search)
        return lambda text: first(text) is None
    if multiline.continues is not None:
        continues = watch.guarded(f"multiline.continues {multiline.continues}", re.compile(multiline.continues).search)
        return lambda text: continues(text) is not None
    return None


def _never(_: str) -> bool:
    return False


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))
