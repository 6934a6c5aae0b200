"""Records of lines and of their templates."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from fusionlog.records.base import Index, Offset, Partition, Record, Seconds, SystemName


class KeyedLine(Record, frozen=True, kw_only=True, gc=False):
    """A line in one of its sessions, on its way from a raw partition to the partition of the session.

    `text` is the line as the parser sees it, its pieces joined; `fields` are those of its envelope that its event may
    depend on. `time` is the line's, its own where it is `stated`; `arrived` is that of its raw record. The line lies at
    `offset` and `index` of the raw `topic` and `partition`; `member` is the number of the session among those of the
    line, from 0. `after` is the offset, index and member of the record that the same writer sent before this one, from
    the same raw partition to the same partition; None: it has sent none, or all of them are there, and so are those of
    earlier writers. `host` and `file` are those of its envelope, empty where that has none. `epoch` is greater where
    the raw partition's offsets began again.
    """

    session: str
    text: str
    time: Seconds
    arrived: Seconds
    topic: str
    partition: Partition
    offset: Offset
    stated: bool = False
    index: Index = 0
    member: Index = 0
    epoch: Offset = 0
    after: tuple[Offset, Index, Index] | None = None
    fields: dict[str, Any] = {}
    host: str = ""
    file: str = ""


class Template(Record, frozen=True, kw_only=True):
    """A log template of a system, as Drain3 found it. Its id is a hash of its text: equal on every worker.

    `constants` are the places of the tokens of `text`, from 0, that never become a wildcard: codes and operators'
    placeholders.
    """

    system: SystemName
    id: str
    text: str
    example: str
    first_seen: Seconds
    replaces: str | None = None
    constants: list[int] = []


def template_id(text: str) -> str:
    """The id of a template: 16 hexadecimal digits of a hash of its text, the same on every worker."""
    return blake2b(text.encode(), digest_size=8).hexdigest()
