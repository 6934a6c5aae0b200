"""Events: a parsed line, and what all lines of an event have in common."""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct

from fusionlog.parsing.traces import shorten

EXAMPLE_CHARS = 500
"""A line is cut to this many characters where it stands as an example."""


class Event(Struct, frozen=True, gc=False):
    """A parsed line: the id and text of its event, its session key (None: none in it), and the line.

    :param more: the other keys of the line, where `keys` is all.
    :param matched: False where the system has a header and the line has none.
    :param stamp: the text of the line's time, where its header has one that counts.
    :param duration: the longest duration that the line names, in seconds; 0 where it names none.
    :param quantities: its other magnitudes by name (see `quantities`).
    """

    template: str
    text: str
    session: str | None
    line: str
    more: tuple[str, ...] = ()
    matched: bool = True
    stamp: str | None = None
    duration: float = 0.0
    quantities: tuple[tuple[str, float], ...] = ()


class KnownEvent(NamedTuple):
    """An event as it was found: its id and text, the line it was found in, and the id of the one that it replaces.

    `constants` are the places of the tokens of its text that never become a wildcard.
    """

    id: str
    text: str
    example: str
    replaces: str | None
    constants: tuple[int, ...] = ()


def example_of(line: str) -> str:
    """A line, cut to the length of an example; of one of several lines the tail is kept as well."""
    if len(line) <= EXAMPLE_CHARS:
        return line
    return shorten(line, EXAMPLE_CHARS) if "\n" in line else line[:EXAMPLE_CHARS]
