"""journald's export format: `NAME=value` lines, an entry a block, and values with line breaks by their length.

https://systemd.io/JOURNAL_EXPORT_FORMATS
"""

from __future__ import annotations

from collections.abc import Iterator

from fusionlog.utils.json_format import Tree

STARTS = (b"__CURSOR=", b"__REALTIME_TIMESTAMP=")
"""What an entry begins with."""

_LENGTH_BYTES = 8


def entries_of(value: bytes) -> list[Tree] | None:
    """The entries of a record, in the form of journald's JSON, values as texts or bytes; None where it is another."""
    if not value.startswith(STARTS):
        return None
    try:
        return list(_entries(value)) or None
    except ValueError:
        return None


def _entries(value: bytes) -> Iterator[Tree]:
    """:raises ValueError: a field does not end."""
    entry: Tree = {}
    place = 0
    while place < len(value):
        end = value.find(b"\n", place)
        line, place = value[place : end if end >= 0 else None], end + 1 if end >= 0 else len(value)
        name, equals, content = line.partition(b"=")
        if not line:
            if entry:
                yield entry
            entry = {}
            continue
        if not equals:
            content, place = _by_length(value, place)
        entry.setdefault(name.decode("ascii"), _plain(content))
    if entry:
        yield entry


def _by_length(value: bytes, place: int) -> tuple[bytes, int]:
    """A value that its length is in front of, and the place behind it."""
    start = place + _LENGTH_BYTES
    end = start + int.from_bytes(value[place:start], "little")
    if end > len(value):
        raise ValueError("the value is longer than the record")
    return value[start:end], end + 1


def _plain(content: bytes) -> object:
    """A text, or as in journald's JSON a list of bytes where it is not UTF-8."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return list(content)
