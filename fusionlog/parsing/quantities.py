"""Quantities of a line: durations that passed, and other magnitudes, by the key before a number or the unit behind it.

A duration is `delay=3.9`, `took 3.9 s`, `(3900ms)`, `elapsed: 00:00:03.9`, `PT3.9S`, `3m12s`, `"request_time": 0.3`,
`elapsedMillis=3900`. What a setting allows is none (`timeout=30s`, `retry in 5 s`, `every 30 s`), nor is an age, an
uptime or a point in time. Other magnitudes are bytes, percentages, retries, lengths of queues, lags and counts.

A bare number is in seconds where its key is `delay`, `time` or ends with `_time`; one of a name such as `duration`, if
it has a decimal point. Else its unit is unknown, and it is a magnitude of that name.

Where a number stands, and what it is, depends on no digit's value, so that it holds for all lines of a cached shape
(see `line_cache`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from math import nan
from typing import NamedTuple

from fusionlog.parsing.quantity_words import SPAN_UNITS, Form, Measure, is_unit, measure_of

MAX_QUANTITY_CHARS = 2_000
"""Characters of a line in which quantities are looked for."""
MAX_PLACES = 16
"""Numbers of a line that are read."""
MAX_QUANTITIES = 8
"""Quantities of a line, and of an event of a window, beside its duration."""
LONGEST_SECONDS = 1e7
"""A duration above (116 days) is none: a time since 1970, or a made-up number."""
_BEFORE, _AFTER = 48, 24
"""Characters around a number that say what it is."""
_CACHED = 20_000

_NUMBER = r"[0-9]++(?:,[0-9]{3}(?![0-9]))*+(?:\.[0-9]++)?+(?:[eE][-+]?[0-9]++)?+"
_END = "(?![A-Za-z0-9_]|[-:.,][0-9]|-[A-Za-z])"
"""Behind a value: no longer word, version, date, list or identifier."""
_UNIT = "(?:days?|d|hours?|hrs?|h|minutes?|mins?|m|seconds?|secs?|s|milliseconds?|millis|msecs?|ms|[uµμ]s|ns)"
_PART = rf"[0-9]+(?:\.[0-9]+)? ?{_UNIT}(?![A-Za-z])"
_GLUED = rf"[0-9]+(?:\.[0-9]+)?{_UNIT}"
_VALUE = re.compile(
    rf"(?<![^\s=:\"'(\[,|{{~>#])(?<![0-9][:,])(?:"
    rf"(?P<span>(?:{_GLUED}(?=[0-9]))+{_GLUED}|{_PART}(?:(?:, | and | ){_PART})+){_END}"
    rf"|(?P<clock>[0-9]{{1,3}}(?::[0-9]{{2}}){{1,2}}(?:[.,][0-9]++)?+){_END}"
    rf"|(?P<number>{_NUMBER})(?P<word>[A-Za-zµμ]++|%)?+{_END})"
)
_ISO = re.compile(r"(?<![\w/])P(?:[0-9]+D)?T(?=[0-9])(?:[0-9]+H)?(?:[0-9]+M)?(?:[0-9]+(?:\.[0-9]+)?S)?(?!\w)")
_NEXT = re.compile(r"\s?([A-Za-zµμ]+|%)?(?:\s+([A-Za-z]+))?")
_SPAN_PARTS = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([A-Za-zµμ]+)")


class Place(NamedTuple):
    """Where a line of a shape has a quantity: the places of its number, and the factor to seconds, bytes or itself."""

    name: str
    start: int
    stop: int
    scale: float
    is_duration: bool


class Quantities(NamedTuple):
    """The longest duration of a line, in seconds, 0 where it has none, and its other magnitudes by name."""

    duration: float = 0.0
    others: tuple[tuple[str, float], ...] = ()


NONE = Quantities()


def places(line: str) -> tuple[Place, ...]:
    """Where a line has quantities; the same in every line that differs from it in digits alone."""
    line = line[:MAX_QUANTITY_CHARS]
    found = []
    for place in _places(line):
        found.append(place)
        if len(found) == MAX_PLACES:
            break
    return tuple(found)


def read(line: str, places: Sequence[Place]) -> Quantities:
    """The quantities of a line by their places; of several of one name, the greatest."""
    duration = 0.0
    others: dict[str, float] = {}
    for name, start, stop, scale, is_duration in places:
        value = _value(line[start:stop]) * scale
        if not is_duration:
            if value > others.get(name, -1.0) and (name in others or len(others) < MAX_QUANTITIES):
                others[name] = value
        elif duration < value <= LONGEST_SECONDS:
            duration = value
    return Quantities(duration, tuple(others.items()))


def _places(line: str) -> Iterator[Place]:
    for found in _VALUE.finditer(line):
        kind = found.lastgroup
        start = found.start()
        stop = found.end("number") if kind in ("number", "word") else found.end()
        form, word = _form(kind, line[start:stop]), found["word"] or ""
        measure = _measure(line[max(0, start - _BEFORE) : start], form, word, line[found.end() : found.end() + _AFTER])
        if measure is not None:
            yield Place(measure.name, start, stop, measure.scale, measure.is_duration)
    for found in _ISO.finditer(line):
        start, stop = found.span()
        measure = _measure(line[max(0, start - _BEFORE) : start], "span", "", line[stop : stop + _AFTER])
        if measure is not None:
            yield Place(measure.name, start, stop, measure.scale, measure.is_duration)


def _form(kind: str | None, text: str) -> Form:
    if kind == "span" or kind == "clock":
        return "span" if kind == "span" else "clock"
    return "decimal" if not text.isdigit() and "." in text else "number"


@lru_cache(maxsize=_CACHED)
def _measure(before: str, form: Form, word: str, tail: str) -> Measure | None:
    """What a value is, by the text around it."""
    if form in ("span", "clock"):
        following = _NEXT.match(tail)
        return measure_of(before, form, "", (following and following[1]) or "")
    if word:
        following = _NEXT.match(tail)
        return measure_of(before, form, word, (following and following[1]) or "") if is_unit(word) else None
    following = _NEXT.match(tail)
    first, second = (following[1] or "", following[2] or "") if following else ("", "")
    if is_unit(first):
        return measure_of(before, form, first, second)
    return measure_of(before, form, "", first)


def _value(text: str) -> float:
    """The number that a text writes; of a clock or a span, its seconds; not a number where it writes none."""
    try:
        return float(text)
    except ValueError:
        return _written(text)


def _written(text: str) -> float:
    if ":" in text:
        value = 0.0
        for part in text.replace(",", ".").split(":"):
            value = value * 60 + float(part)
        return value
    if text[0] == "P":
        return _iso(text)
    if text[-1].isalpha():
        return sum(float(number) * SPAN_UNITS.get(unit, 0.0) for number, unit in _SPAN_PARTS.findall(text))
    bare = text.replace(",", "")
    return float(bare) if bare.replace(".", "", 1).isdigit() else nan


def _iso(text: str) -> float:
    return sum(
        float(number) * {"D": 86400.0, "H": 3600.0, "M": 60.0, "S": 1.0}[unit]
        for number, unit in re.findall(r"([0-9.]+)([DHMS])", text)
    )
