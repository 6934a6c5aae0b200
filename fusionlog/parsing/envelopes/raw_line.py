"""A line of a raw record, as its envelope gives it."""

from __future__ import annotations

from typing import NamedTuple

from fusionlog.utils.json_format import Tree


class Partial(NamedTuple):
    """The place of a text in a line that a runtime cut into pieces.

    `id` is the same for the pieces of a line: the runtime's, or the name of the stream where the envelope does not
    identify the writer; None: they follow each other within their source. A whole line of such a stream is its own last
    piece. Only the piece of a cut line may be blank.
    """

    id: str | None
    last: bool


class RawLine(NamedTuple):
    """A log line, or a piece of one, and what its envelope has about it."""

    text: str
    """As the application wrote it, without its line break and colours; a system's own JSON line stays JSON."""

    time: float | None = None
    """Unix seconds of the envelope, or of the system's `time_field`; None: it has none, or an implausible one."""

    fields: Tree | None = None
    """The envelope's fields without the message, nested as they came. Those of a JSON line that is whole: all."""

    source: str | None = None
    """Who wrote it: namespace, pod, container and stream, or a file, or a unit; None: nothing in it identifies that."""

    partial: Partial | None = None
    """Of a stream whose long lines are cut; else None."""

    implausible: bool = False
    """Whether it had a time field that cannot be its time."""
