"""Pieces of lines: the lines of a container's log file (CRI), and which cut lines are unfinished."""

from __future__ import annotations

import re
from typing import NamedTuple

from fusionlog.parsing.envelopes.raw_line import Partial
from fusionlog.utils.json_format import Tree

MAX_UNFINISHED = 10_000
"""Cut lines that are known at a time, at most."""
MAX_ID_CHARS = 1_000
"""Of the names of a source and of a cut line; a piece with longer ones is a line by itself."""

_CRI = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[^ ]{1,16}) (stdout|stderr) ([PF])(?::\S*)? (.*)", re.DOTALL)


class CriLine(NamedTuple):
    """The parts of a line that a container runtime wrote: `TIME stdout|stderr P|F TEXT`."""

    fields: Tree
    text: str
    partial: Partial


def cri_line(text: str) -> CriLine | None:
    """The parts of a CRI line, under the names that Fluent Bit gives them; None where the text is none."""
    found = _CRI.match(text) if text[10:11] == "T" else None
    if found is None:
        return None
    time, stream, tag, line = found.groups()
    return CriLine({"time": time, "stream": stream, "logtag": tag}, line, Partial(None, tag == "F"))


def identified(partial: Partial, source: str | None, tree: Tree) -> Partial:
    """A piece with the name of its stream as the id, where nothing else distinguishes the streams of a writer."""
    stream = tree.get("stream", tree.get("source"))
    return (
        Partial(stream, partial.last) if source is None and partial.id is None and isinstance(stream, str) else partial
    )


class UnfinishedLines:
    """The cut lines of which the last piece is still to come."""

    def __init__(self) -> None:
        self._lines: set[tuple[str | None, str | None]] = set()

    def add(self, source: str | None, partial: Partial) -> bool:
        """Note a piece; whether it is one of several of its line."""
        line = source, partial.id
        goes_on = line in self._lines
        if partial.last:
            self._lines.discard(line)
        elif len(self._lines) < MAX_UNFINISHED and len(source or "") + len(partial.id or "") <= MAX_ID_CHARS:
            self._lines.add(line)
        return goes_on or not partial.last
