"""Bytes of each record as this version writes them, which later versions read: `python -m tests.records.recording`.

A directory a version, a file a record, a line an entry. What is recorded stays; lines are added until each field, and
each value of a closed set, is in one. The directory of a version that was released is not changed any more.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from msgspec import inspect

import fusionlog
from fusionlog.kafka import codecs
from fusionlog.records import Record
from fusionlog.schemas import RECORDS
from tests.fuzz.typed import made

RECORDED = Path(__file__).parent / "recorded"
NOW = RECORDED / fusionlog.__version__.split("+")[0]
SEEDS = 400
MOST_BYTES = 3000
"""Of a record: long texts show nothing more."""


class Entry(msgspec.Struct, frozen=True):
    """A record of a topic: its key, and its value as it was written."""

    key: str
    value: msgspec.Raw


def read(path: Path) -> list[Entry]:
    """The entries of a file."""
    if not path.exists():
        return []
    return [msgspec.json.decode(line, type=Entry) for line in path.read_bytes().splitlines()]


def paths(kind: inspect.Type, place: str = "") -> Iterator[str]:
    """Each field of a type by its path, and each value of a closed set: `events[].count`, `closed_by=idle`."""
    match kind:
        case inspect.Metadata():
            yield from paths(kind.type, place)
        case inspect.StructType():
            for field in kind.fields:
                yield from paths(field.type, f"{place}.{field.encode_name}")
        case inspect.ListType():
            yield from paths(kind.item_type, f"{place}[]")
        case inspect.UnionType():
            for each in kind.types:
                yield from paths(each, place)
        case inspect.LiteralType():
            yield from (f"{place}={value}" for value in kind.values)
        case inspect.NoneType():
            return
        case _:
            yield place


def covered(kind: inspect.Type, tree: Any, place: str = "") -> Iterator[str]:
    """The paths of a type that a value has something at."""
    match kind:
        case inspect.Metadata():
            yield from covered(kind.type, tree, place)
        case inspect.StructType():
            for field in kind.fields:
                if isinstance(tree, dict) and tree.get(field.encode_name) is not None:
                    yield from covered(field.type, tree[field.encode_name], f"{place}.{field.encode_name}")
        case inspect.ListType():
            for each in tree:
                yield from covered(kind.item_type, each, f"{place}[]")
        case inspect.UnionType():
            for option in kind.types:
                yield from covered(option, tree, place)
        case inspect.LiteralType():
            yield from (f"{place}={value}" for value in kind.values if value == tree)
        case inspect.NoneType():
            return
        case _:
            yield place


def missing(kind: type[Record], entries: list[Entry]) -> set[str]:
    """The fields and values of a record that no entry has."""
    described = inspect.type_info(kind)
    there = {path for each in entries for path in covered(described, json.loads(bytes(each.value)))}
    return set(paths(described)) - there


def completed(kind: type[Record], entries: list[Entry]) -> list[Entry]:
    """The entries, and as many more as cover every field."""
    found, left = list(entries), missing(kind, entries)
    for seed in range(SEEDS):
        record = made(Random(f"{kind.__name__}-{seed}"), kind)
        entry = Entry(codecs.key_of(record), msgspec.Raw(codecs.encode(record)))
        if len(bytes(entry.value)) <= MOST_BYTES and len(rest := missing(kind, [*found, entry])) < len(left):
            found, left = [*found, entry], rest
    assert not left, f"{kind.__name__}: no record with {sorted(left)} came of {SEEDS} seeds"
    return found


def main() -> None:
    """Complete the recording of this version."""
    NOW.mkdir(parents=True, exist_ok=True)
    for kind in RECORDS:
        path = NOW / f"{kind.__name__}.jsonl"
        lines = [msgspec.json.encode(each) for each in completed(kind, read(path))]
        path.write_bytes(b"".join(line + b"\n" for line in lines))


if __name__ == "__main__":
    main()
