"""A line that was read and may not be complete yet."""

from __future__ import annotations

from collections.abc import Hashable

import msgspec

from fusionlog.parsing.envelopes import RawLine
from fusionlog.parsing.parser import Event
from fusionlog.records import Seconds


class ReadLine(msgspec.Struct, frozen=True, gc=False):
    """What is known of a line before it is complete: the time, the key and, where it holds no other line, the bytes of
    its record; its source; what its envelope has; its event, where its shape is known."""

    time: Seconds
    source: Hashable
    key: bytes | None
    value: bytes | None
    raw: RawLine | None = None
    event: Event | None = None
