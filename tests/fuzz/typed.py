"""Valid values of any type of a record, by msgspec's description of the type: within its bounds, and often at them."""

from __future__ import annotations

from functools import cache
from random import Random
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from fusionlog.records import Record, Window
from tests.fuzz.mutation import TEXTS, value

R = TypeVar("R", bound=Record)
LONGEST = 4
"""Items of a list, at most."""


def made(random: Random, kind: type[R]) -> R:
    """A valid record."""
    tree = _struct(random, _described(kind))
    if kind is Window:
        tree = _placed(random, tree)
    found: R = msgspec.convert(tree, kind)
    return found


@cache
def _described(kind: type[Record]) -> inspect.StructType:
    found = inspect.type_info(kind)
    assert isinstance(found, inspect.StructType)
    return found


def _struct(random: Random, kind: inspect.StructType) -> dict[str, Any]:
    fields = (field for field in kind.fields if field.required or random.random() < 0.7)
    return {field.encode_name: _value(random, field.type) for field in fields}


def _placed(random: Random, window: dict[str, Any]) -> dict[str, Any]:
    """A window whose places are those of its events."""
    events = len(window["events"])
    for name in ("duration", "pause"):
        if window.get(name) is not None:
            window[name]["event"] = random.randrange(events)
    for place, event in enumerate(window["events"]):
        event["template"] += str(place)
    return {**window, "sequence": [random.randrange(events) for _ in window["sequence"]]}


def _value(random: Random, kind: inspect.Type) -> Any:
    match kind:
        case inspect.Metadata():
            return _value(random, kind.type)
        case inspect.NoneType():
            return None
        case inspect.BoolType():
            return random.random() < 0.5
        case inspect.IntType():
            return _whole(random, kind)
        case inspect.FloatType():
            return _number(random, kind)
        case inspect.StrType():
            return _text(random, kind.min_length or 0, kind.max_length)
        case inspect.BytesType():
            return bytes(random.randint(0, 255) for _ in range(random.randint(0, 20)))
        case inspect.LiteralType():
            return random.choice(kind.values)
        case inspect.ListType():
            least = kind.min_length or 0
            return [_value(random, kind.item_type) for _ in range(random.randint(least, max(least, LONGEST)))]
        case inspect.TupleType():
            return tuple(_value(random, each) for each in kind.item_types)
        case inspect.DictType():
            return {_value(random, kind.key_type): _value(random, kind.value_type) for _ in range(random.randint(0, 3))}
        case inspect.StructType():
            return _struct(random, kind)
        case inspect.UnionType():
            return _value(random, random.choice(kind.types))
        case inspect.AnyType():
            return _plain(value(random, 1))
    raise AssertionError(f"no values of {kind}")


def _whole(random: Random, kind: inspect.IntType) -> int:
    least = kind.ge if kind.ge is not None else -(2**63)
    most = kind.le if kind.le is not None else kind.lt - 1 if kind.lt is not None else 2**63 - 1
    near = (0, 1, 2, 5, 100, least, most)
    return random.choice([each for each in near if least <= each <= most])


def _number(random: Random, kind: inspect.FloatType) -> float:
    least = kind.ge if kind.ge is not None else -1.7e308
    most = kind.le if kind.le is not None else kind.lt * (1 - 1e-12) if kind.lt is not None else 1.7e308
    near = (0.0, -0.0, 0.5, 1.0, 5e-324, 1e9, 3.25, least, most)
    return float(random.choice([each for each in near if least <= each <= most]))


def _text(random: Random, least: int, most: int | None) -> str:
    chosen = random.choice((*TEXTS, "shop", "shop", "a", "b", "disk failed", "order <NUM> paid", "base"))
    whole = chosen.encode("utf-8", "replace").decode()
    return (whole + "x" * least)[: most or len(whole) + least] if len(whole) < least else whole[:most]


def _plain(found: Any) -> Any:
    """A value that JSON can hold as it is: finite numbers of 64 bits, and whole characters."""
    if isinstance(found, str):
        return found.encode("utf-8", "replace").decode()
    if isinstance(found, float):
        return found if abs(found) < 1e300 else 0.5
    if isinstance(found, int) and not isinstance(found, bool):
        return found if abs(found) < 2**63 else 1
    if isinstance(found, list):
        return [_plain(each) for each in found]
    if isinstance(found, dict):
        return {_plain(name): _plain(each) for name, each in found.items()}
    return found
