"""Quantities of a line: durations that passed, and other magnitudes, by the key before a number or the unit behind it.

A duration is `delay=3.9`, `took 3.9 s`, `(3900ms)`, `elapsed: 00:00:03.9`, `PT3.9S`, `3m12s`, `"request_time": 0.3`,
`elapsedMillis=3900`. What a setting allows is none (`timeout=30s`, `retry in 5 s`, `every 30 s`), nor is an age, an
uptime or a point in time. Other magnitudes are bytes, percentages, retries, lengths of queues, lags and counts.

A bare number is in seconds where its key is `delay`, `time` or ends with `_time` (in `responseTime`, of milliseconds);
one of a name such as `duration`, if it has a decimal point. Else its unit is unknown: it is a magnitude of that name.

Where a number stands, and what it is, depends on no digit's value, so that it holds for all lines of a cached shape
(see `line_cache`), and by tokens for all lines of one masked text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from math import nan
from typing import NamedTuple

from fusionlog.parsing.quantity_words import SPAN_UNITS, Form, Measure, attempt_of, is_unit, measure_of

MAX_QUANTITY_CHARS = 2_000
"""Characters of a line in which quantities are looked for."""
MAX_PLACES = 16
"""Numbers of a line that are read."""
MAX_QUANTITIES = 8
"""Magnitudes of a line, and of an event of a window, beside its duration."""
LONGEST_SECONDS = 1e7
"""A duration above (116 days) is none: a time since 1970, or a made-up number."""
GREATEST = 1e18
"""A greater number is no quantity."""
_BEFORE, _AFTER = 48, 24
"""Characters around a number that show what it is."""
_CACHED = 20_000

_COMMA = "(?>(?:,[0-9]{1,2}(?= ?(?:ms|s|sec|秒)(?!\\w)))?)"
_NUMBER = rf"[0-9]++(?>(?:,[0-9]{{3}}(?![0-9]))*){_COMMA}(?>(?:\.[0-9]++)?)(?>(?:[eE][-+]?[0-9]++)?)"
_END = "(?![A-Za-z0-9_]|[-:.,][0-9]|-[A-Za-z])"
"""Behind a value: no longer word, version, date, list or identifier."""
_UNIT = "(?:days?|d|hours?|hrs?|h|minutes?|mins?|m|seconds?|secs?|s|milliseconds?|millis|msecs?|ms|[uµμ]s|ns)"
_PART = rf"[0-9]++(?>(?:\.[0-9]++)?) ?{_UNIT}"
_GLUED = rf"[0-9]++(?>(?:\.[0-9]++)?){_UNIT}"
_CHINESE = "\u4e00-\u9fff：（，"
_VALUE = re.compile(
    rf"[ =:\"'(\[,|{{~>#+\t\n{_CHINESE}](?=[0-9])(?<![0-9][:,])(?:"
    rf"(?P<number>{_NUMBER})(?P<word>[A-Za-zµμ{_CHINESE}]++|%)?+{_END}"
    rf"|(?P<span>(?:{_GLUED}(?=[0-9]))+{_GLUED}){_END}"
    rf"|(?P<clock>[0-9]{{1,3}}(?::[0-9]{{2}}){{1,2}}(?>(?:[.,][0-9]++)?)){_END})"
)
"""A value behind a blank, a bracket, a quote or a sign: one within a word, a path or an address is none."""
_LONGER = re.compile(rf"{_PART}(?![A-Za-z])(?:(?:, | and | ){_PART}(?![A-Za-z]))+{_END}")
"""A span of several words: `2 minutes and 3 seconds`."""
_ISO = re.compile(r"P(?<![\w/]P)(?:[0-9]+D)?T(?=[0-9])(?:[0-9]+H)?(?:[0-9]+M)?(?:[0-9]+(?:\.[0-9]+)?S)?(?!\w)")
_NEXT = re.compile(rf"\s?([A-Za-zµμ{_CHINESE}]++(?!\w)|%)?(?:\s+([A-Za-z]+))?")
_OF = re.compile("/[0-9]")
_SPAN_PARTS = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([A-Za-zµμ]+)")
_DECIMAL_COMMA = re.compile("[0-9]+,[0-9]{1,2}")
_ISO_PARTS = re.compile(r"([0-9.]+)([DHMS])")
_ISO_UNITS = {"D": 86400.0, "H": 3600.0, "M": 60.0, "S": 1.0}


class Place(NamedTuple):
    """Where a line of a shape has a quantity: the places of its number, and the factor to seconds, bytes or itself.

    `by_point`: it is a duration where it has a decimal point, and else a magnitude.
    """

    name: str
    start: int
    stop: int
    scale: float
    is_duration: bool
    by_point: bool = False


class TokenPlace(NamedTuple):
    """Where a line of a masked text has a quantity: the token, and the places of the number from its two ends."""

    name: str
    token: int
    start: int
    stop: int | None
    scale: float
    is_duration: bool
    by_point: bool = False


Quantities = tuple[float, tuple[tuple[str, float], ...]]
"""The longest duration of a line, in seconds, 0 where it has none, and its other magnitudes by name."""

NONE: Quantities = (0.0, ())


def places(line: str, start: int = 0) -> tuple[Place, ...]:
    """Where a line has quantities; the same in every line that differs from it in digits alone.

    :param start: the place of the line's content.
    """
    return tuple(islice(_places(line, start), MAX_PLACES))


def read(line: str, places: Sequence[Place]) -> Quantities:
    """The quantities of a line by their places; of several of one name, the greatest."""
    if len(places) == 1:  # most lines that have one at all: the hot path
        name, start, stop, scale, is_duration, by_point = places[0]
        text = line[start:stop]
        try:
            value = float(text) * scale
        except ValueError:
            value = _written(text) * scale
        if is_duration or (by_point and "." in text):
            return (value, ()) if 0.0 < value <= LONGEST_SECONDS else NONE
        return (0.0, ((name, value),)) if value <= GREATEST else NONE
    return _greatest([(line[place.start : place.stop], place) for place in places]) if places else NONE


def token_places(content: str, masked: str, start: int = 0) -> tuple[TokenPlace, ...] | None:
    """Where the lines of a masked text have quantities, by tokens, that is between blanks.

    None: by no rule that holds for all of them, so that `places` must be found line by line.

    :param content: that of one of the lines. :param masked: its masked text.
    """
    measured = places(content)
    if not measured:
        return ()
    tokens, shown = content.split(" "), masked.split(" ")
    if len(tokens) != len(shown):
        return None
    found = []
    for place in measured:
        item = _token_place(place, tokens, shown)
        if item is None:
            return None
        found.append(item)
    return tuple(found)


def read_tokens(tokens: Sequence[str], places: Sequence[TokenPlace]) -> Quantities:
    """The quantities of a line by their tokens."""
    return _greatest([(tokens[each.token][each.start : each.stop], each) for each in places]) if places else NONE


def _greatest(values: Iterable[tuple[str, Place | TokenPlace]]) -> Quantities:
    duration = 0.0
    others: dict[str, float] = {}
    for text, place in values:
        try:
            value = float(text) * place.scale
        except ValueError:
            value = _written(text) * place.scale
        if place.is_duration or (place.by_point and "." in text):
            if duration < value <= LONGEST_SECONDS:
                duration = value
        elif others.get(place.name, -1.0) < value <= GREATEST and (
            place.name in others or len(others) < MAX_QUANTITIES
        ):
            others[place.name] = value
    return duration, tuple(others.items())


def _places(line: str, first: int) -> Iterator[Place]:
    text = f" {line[first : first + MAX_QUANTITY_CHARS]}"
    shift = first - 1
    for start, stop, end, form, word in _values(text):
        measure = _measure(text[max(0, start - _BEFORE) : start], form, word, text[end : end + _AFTER])
        if measure is not None:
            yield Place(measure.name, start + shift, stop + shift, *measure[1:])


def _values(text: str) -> Iterator[tuple[int, int, int, Form, str]]:
    """The values of a text: where each begins and ends, where the unit written to it ends, its form and that unit."""
    after = 0
    for found in _VALUE.finditer(text):
        start, end, clock = found.start() + 1, found.end(), found["clock"]
        if start < after:
            continue
        longer = _LONGER.match(text, start) if clock is None and found["span"] is None else None
        if longer is not None:
            after = longer.end()
            yield start, after, after, "span", ""
        elif found["number"] is None:
            yield start, end, end, "span" if clock is None else "clock", ""
        else:
            yield start, found.end("number"), end, "number", found["word"] or ""
    if "T" in text:
        for found in _ISO.finditer(text):
            yield found.start(), found.end(), found.end(), "span", ""


@lru_cache(maxsize=_CACHED)
def _measure(before: str, form: Form, word: str, tail: str) -> Measure | None:
    """What a value is, by the text around it."""
    following = _NEXT.match(tail)
    first, second = (following[1] or "", following[2] or "") if following else ("", "")
    if _OF.match(tail):
        return attempt_of(before)
    if word:
        return measure_of(before, form, word, first) if is_unit(word) else None
    return measure_of(before, form, first, second) if is_unit(first) else measure_of(before, form, "", first)


def _token_place(place: Place, tokens: Sequence[str], shown: Sequence[str]) -> TokenPlace | None:
    """A place by its token, where all but the number is the same in every line of the masked text."""
    first = 0
    for number, (token, mask) in enumerate(zip(tokens, shown, strict=True)):
        last = first + len(token)
        if place.start < last:
            before, after = token[: place.start - first], token[place.stop - first :]
            middle = mask[len(before) : len(mask) - len(after)]
            alone = re.fullmatch(r"<\w+>|[^<>]+", middle) is not None
            if place.stop > last or not alone or mask != f"{before}{middle}{after}":
                return None
            stop = -len(after) if after else None
            return TokenPlace(place.name, number, len(before), stop, place.scale, place.is_duration, place.by_point)
        first = last + 1
    return None


def _written(text: str) -> float:
    """The number that a text writes otherwise; of a clock or a span, its seconds; not a number where it writes none."""
    if text[:1] == "P":
        return sum(float(number) * _ISO_UNITS[unit] for number, unit in _ISO_PARTS.findall(text))
    if text[-1:].isalpha():
        return sum(float(number) * SPAN_UNITS.get(unit, nan) for number, unit in _SPAN_PARTS.findall(text))
    if _DECIMAL_COMMA.fullmatch(text):
        return float(text.replace(",", "."))
    try:
        return _clock(text.replace(",", ".")) if ":" in text else float(text.replace(",", ""))
    except ValueError:
        return nan


def _clock(text: str) -> float:
    seconds = 0.0
    for part in text.split(":"):
        seconds = seconds * 60 + float(part)
    return seconds
