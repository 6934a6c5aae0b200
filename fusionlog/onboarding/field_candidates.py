"""Candidates of a session key that have a name: fields of envelopes and of JSON lines, and fields of the header."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from fusionlog.onboarding.json_guess import LEVELS, TIMES, fields_of
from fusionlog.onboarding.key_candidates import MIN_SHARE, Candidate, Keys, is_clock
from fusionlog.parsing.headers import Fields, Header
from fusionlog.settings import SystemSettings
from fusionlog.utils.json_format import Tree

MAX_FIELDS = 40
MAX_KEY_CHARS = 200

_NO_KEYS = frozenset((
    "content", "component", "level", "time", "date", "zone", "month", "day", "weekday", "sd", "rest", "pri", "fields",
    "source", "host", *TIMES, *LEVELS,
))  # fmt: skip
_POD = re.compile(r"(?:^|[._])(?:pod(?:[._]?(?:name|id|uid))?|container[._]?(?:id|name))$")


def outer_candidates(fields: Sequence[Tree | None]) -> Iterator[Candidate]:
    """The fields of envelopes, and of JSON lines, as candidates."""
    found = [{} if tree is None else {name: _key(value) for name, value in fields_of(tree)} for tree in fields]
    yield from _candidates(found)


def header_candidates(
    system: SystemSettings, lines: Sequence[str], fields: Sequence[Tree | None]
) -> Iterator[Candidate]:
    """The named fields of a header as candidates."""
    if system.header is None:
        yield from _candidates([_values(each) for each in _split(system, lines, fields)])
        return
    for name in dict.fromkeys(re.findall(r"<(\w+)", system.header)):
        if name.lower() not in _NO_KEYS:  # a header keeps the fields that its settings name
            named = system.model_copy(update={"session_field": name})
            yield from _candidates(
                [_value(name, *each) for each in zip(lines, _split(named, lines, fields), strict=True)]
            )


def _split(system: SystemSettings, lines: Sequence[str], fields: Sequence[Tree | None]) -> Iterator[Fields]:
    header = Header(system)
    return (header.split(line, outer) for line, outer in zip(lines, fields, strict=True))


def _values(fields: Fields) -> dict[str, str | None]:
    named = fields.found.groupdict() if fields.found else fields.values or {}
    return {name: _key(value) for name, value in named.items()}


def _value(name: str, line: str, fields: Fields) -> dict[str, str | None]:
    place = fields.place(name)
    return {} if place is None else {name: _key(line[place])}


def pod_candidate(candidates: Sequence[Candidate]) -> Candidate | None:
    """The field that names the pod or container of nearly every line, where there are several of them."""
    found = [
        each for each in candidates
        if each.field and _POD.search(each.field) and len(set(each.keys)) > 1 and _coverage(each.keys) > 0.95
    ]  # fmt: skip
    return max(found, key=lambda each: len(set(each.keys)), default=None)


def _candidates(found: Sequence[Mapping[str, str | None]]) -> Iterator[Candidate]:
    names = dict.fromkeys(name for fields in found for name in fields)
    for name in list(names)[:MAX_FIELDS]:
        keys = [fields.get(name) for fields in found]
        values = [key for key in keys if key is not None]
        last = name.rsplit(".", 1)[-1]
        if last.lower() in _NO_KEYS or _coverage(keys) < MIN_SHARE or len(set(values)) < 2 or is_clock(values):
            continue
        named = last if last not in ("id", "name") else name
        composed = sum("," in value for value in values) > len(values) / 2
        yield Candidate("field", named, "", keys, field=name, columns=2 * composed)


def _coverage(keys: Keys) -> float:
    return sum(key is not None for key in keys) / max(len(keys), 1)


def _key(value: object) -> str | None:
    """The key that a value gives; none is a blank one, a hyphen, or a text that is too long for one."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value).strip()
    return text if text not in ("", "-") and len(text) <= MAX_KEY_CHARS else None
