"""Records that an earlier version wrote are read, and so are those of a later one: an upgrade can be rolled back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import inspect

from fusionlog.kafka import codecs
from fusionlog.records import VERSION, Record
from fusionlog.schemas import RECORDS
from tests.records.recording import NOW, RECORDED, missing, read

KINDS = {kind.__name__: kind for kind in RECORDS}
FILES = sorted(RECORDED.glob("*/*.jsonl"))


def ids(path: Path) -> str:
    return f"{path.parent.name}-{path.stem}"


def holds(read: Any, written: Any) -> bool:
    """Whether all that was written was read; what was read may have more, which is the default of newer fields."""
    if isinstance(written, dict) and isinstance(read, dict):
        return all(name in read and holds(read[name], value) for name, value in written.items())
    if isinstance(written, list) and isinstance(read, list):
        return len(read) == len(written) and all(map(holds, read, written))
    return bool(read == written)


def grown(kind: inspect.Type, tree: Any) -> Any:
    """A value with a field that its type does not have, in it and in each part of it."""
    match kind:
        case inspect.Metadata():
            return grown(kind.type, tree)
        case inspect.StructType() if isinstance(tree, dict):
            types = {field.encode_name: field.type for field in kind.fields}
            return {name: grown(types[name], value) for name, value in tree.items()} | {"of_later": [{"x": 1}]}
        case inspect.ListType():
            return [grown(kind.item_type, each) for each in tree]
        case inspect.UnionType():
            structs = [each for each in kind.types if isinstance(each, inspect.StructType | inspect.ListType)]
            return grown(structs[0], tree) if structs and tree is not None else tree
    return tree


def later(kind: type[Record], value: bytes) -> bytes:
    """A record as a later version might write it: with fields more, and a version above."""
    return json.dumps(grown(inspect.type_info(kind), json.loads(value)) | {"v": VERSION + 1}).encode()


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_a_record_of_each_version_is_read_with_all_that_it_holds_and_keeps_its_key(path: Path) -> None:
    for entry in read(path):
        record = codecs.decode(bytes(entry.value), KINDS[path.stem])
        assert holds(json.loads(codecs.encode(record)), json.loads(bytes(entry.value)))
        assert codecs.key_of(record) == entry.key


@pytest.mark.parametrize("path", sorted(NOW.glob("*.jsonl")), ids=ids)
def test_what_a_later_version_adds_to_a_record_is_ignored_wherever_it_stands(path: Path) -> None:
    kind = KINDS[path.stem]
    for entry in read(path):
        record = codecs.decode(bytes(entry.value), kind)
        newer = codecs.decode(later(kind, bytes(entry.value)), kind)
        assert msgspec.structs.replace(newer, v=record.v) == record


@pytest.mark.parametrize("name", KINDS)
def test_every_field_of_a_record_is_in_the_recording_of_this_version(name: str) -> None:
    left = missing(KINDS[name], read(NOW / f"{name}.jsonl"))
    assert not left, "run  python -m tests.records.recording"


def test_a_field_that_is_renamed_is_found() -> None:
    written = {"of": [{"old": 1}]}
    assert holds({"of": [{"old": 1, "new": 0}]}, written)
    assert not holds({"of": [{"new": 1}]}, written)
