"""The schemas of the records against those that readers know: `tests/schemas` has the schemas of the last version.

A change that breaks a reader fails here. After a release: `python -m tests.test_compatibility` writes them again.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from fusionlog import schemas
from fusionlog.records import Anomaly, Record
from tests.compatibility import breaks

KNOWN = Path(__file__).parent / "schemas"


@pytest.mark.parametrize("record", schemas.RECORDS, ids=lambda record: record.__name__)
def test_readers_of_the_last_version_read_what_this_one_writes(record: type[Record]) -> None:
    file = KNOWN / f"{record.__name__}.json"
    assert file.exists(), f"{record.__name__} is new: run  python -m tests.test_compatibility"
    assert breaks(json.loads(file.read_text()), schemas.json_schema(record)) == []


def schema() -> dict[str, Any]:
    return copy.deepcopy(schemas.json_schema(Anomaly))


def change(**fields: Any) -> list[str]:
    """What breaks where fields of Anomaly are another kind, or gone (None)."""
    now = schema()
    part = now["$defs"]["Anomaly"]
    for name, kind in fields.items():
        part["properties"].pop(name, None)
        if kind is not None:
            part["properties"][name] = kind
    return breaks(schema(), now)


def test_a_new_field_with_a_default_and_an_equal_schema_break_nothing() -> None:
    assert change() == [] and change(weight={"type": "number", "default": 1.0}) == []


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"score": None}, "Anomaly.score is gone"),
        ({"session": {"type": "integer"}}, "Anomaly.session may be integer now"),
        ({"session": {"anyOf": [{"type": "string"}, {"type": "null"}]}}, "Anomaly.session may be null now"),
        ({"by": {"enum": ["model", "teacher", "rule"]}}, "Anomaly.by may be rule now"),
        ({"score": {"type": "number", "minimum": 0, "maximum": 100}}, "Anomaly.score may be beyond maximum 1.0 now"),
        ({"hosts": {"type": "array", "items": {"type": "integer"}}}, "Anomaly.hosts[] may be integer now"),
    ],
)  # fmt: skip
def test_what_a_reader_cannot_read_is_named(fields: dict[str, Any], problem: str) -> None:
    assert problem in change(**fields)


def test_a_required_field_that_is_new_or_may_be_missing_is_named() -> None:
    now = schema()
    part = now["$defs"]["Anomaly"]
    part["properties"]["weight"] = {"type": "number"}
    part["required"] = [name for name in part["required"] if name != "score"] + ["weight"]
    assert breaks(schema(), now) == ["Anomaly.score may be missing now", "Anomaly.weight is new and has no default"]


if __name__ == "__main__":
    for each in schemas.RECORDS:
        text = json.dumps(schemas.json_schema(each), indent=1, sort_keys=True)
        (KNOWN / f"{each.__name__}.json").write_text(text + "\n")
