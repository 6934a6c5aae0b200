"""Whether records of a changed schema can still be read by those who know the schema before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]


def breaks(before: Schema, now: Schema) -> list[str]:
    """What a reader that knows `before` would miss, or refuse, in records of `now`; an empty list where nothing."""
    return [*_parts(before, now)]


def _parts(before: Schema, now: Schema) -> Iterator[str]:
    for name, part in before["$defs"].items():
        if name not in now["$defs"]:
            yield f"{name} is gone"
            continue
        yield from _fields(name, part, now["$defs"][name])


def _fields(name: str, before: Schema, now: Schema) -> Iterator[str]:
    fields, required = now.get("properties", {}), set(now.get("required", ()))
    for field, kind in before.get("properties", {}).items():
        if field not in fields:
            yield f"{name}.{field} is gone"
        else:
            yield from _kind(f"{name}.{field}", kind, fields[field])
            if field in before.get("required", ()) and field not in required:
                yield f"{name}.{field} may be missing now"
    # A record that was written before the field was there is read by those who know it.
    yield from (f"{name}.{field} is new and has no default" for field in required - before.get("properties", {}).keys())


def _kind(field: str, before: Schema, now: Schema) -> Iterator[str]:
    if _types(now) - _types(before):
        yield f"{field} may be {', '.join(sorted(_types(now) - _types(before)))} now"
    if "enum" in before and (new := set(now.get("enum", ["anything"])) - set(before["enum"])):
        yield f"{field} may be {', '.join(sorted(map(str, new)))} now"
    for limit, is_wider in (("minimum", float.__lt__), ("maximum", float.__gt__)):
        if limit in before and (limit not in now or is_wider(float(now[limit]), float(before[limit]))):
            yield f"{field} may be beyond {limit} {before[limit]} now"
    for part in ("items", "additionalProperties"):
        if isinstance(before.get(part), Mapping) and isinstance(now.get(part), Mapping):
            yield from _kind(f"{field}[]", before[part], now[part])


def _types(kind: Schema) -> set[str]:
    """The types, and parts, that a value may be of."""
    if "anyOf" in kind:
        return set().union(*(_types(each) for each in kind["anyOf"]))
    if "$ref" in kind:
        return {str(kind["$ref"])}
    if "enum" in kind:
        return {"null" if each is None else type(each).__name__ for each in kind["enum"]}
    return {str(kind.get("type", "anything"))}
