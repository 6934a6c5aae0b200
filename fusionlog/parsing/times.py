"""Times of log lines: the text or number of a time field to Unix seconds, and which of them can be a line's time.

A number is read by its magnitude: seconds, milliseconds, microseconds or nanoseconds. A text is ISO 8601, or a date
and a clock in the notations of log files. A date without a clock, and a number that would be before 1990, are none.

| what is missing | is taken from |
|---|---|
| zone | the system's `timezone` |
| year (RFC 3164, klog) | the reference: the last year in which the line is not more than a day ahead of it |
| date (a clock alone) | the reference: the nearest day |

The reference is the record's Kafka timestamp, else the present.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import TypeGuard

from fusionlog.settings import SystemSettings
from fusionlog.utils.timezones import offset_of, zone_of

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC).timestamp()
"""No log line is older: a smaller number is a duration, a counter or a size."""

LATEST = datetime(2100, 1, 1, tzinfo=UTC).timestamp()
"""The future's limit where no Kafka timestamp bounds it."""

AHEAD_SECONDS = 300.0
"""How far a line may be ahead of its Kafka timestamp. Clocks of hosts differ by seconds; a wrong zone by half an hour
at least, and a line that is half an hour ahead would close every session that is idle for less."""

YEARS_BACK = 8
"""29 February is at most eight years away."""

NEAR_SECONDS = 6 * 3600.0
"""A clock alone has the same date at all references that are nearer than half a day."""

MAX_CHARS = 64
"""The longest text that is read as a time."""

_DAY = timedelta(days=1)
_SHORTEST_ISO = len("2026-03-04T10:11")
_AROUND = " \t\r\n[](){}<>'\",;:*"

_SECONDS_BELOW = 1e11
_NUMBER = re.compile(r"(\d{1,20})(?:\.\d*)?(?:[eE]\+?\d{1,2})?")
_COMPACT_DIGITS = frozenset({14, 17})
"""Digits of `20260304101112`, with milliseconds or not; an epoch has 10, 13, 16 or 19."""

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = rf"(?P<name>(?:{'|'.join(_MONTHS)})[a-z]*)\.?"
_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+)?"
_CLOCK = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,:](?P<fraction>\d+))?)?"
    r"(?:\s?(?P<half>[ap])\.?m\.?)?"
)
_ZONE = (
    r"(?:\s*(?P<zone>z|(?:utc|gmt)?[+-]\d\d?(?::?\d\d)?|[a-z]{2,5}))?(?:(?<=\d)\s+[a-z]{2,5})?"
    r"(?:\s+m=[+-][\d.]+)?(?:\s*[\[(][^\])]*[\])]?)?"
)

_FORMATS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # 2026-03-04T10:11:12.123Z, 2026/03/04 10:11:12, 2026-03-04 10:11:12,123 +0100
        rf"{_WEEKDAY}(?P<year>\d{{4}})([-/.])(?P<month>\d\d?)\2(?P<day>\d\d?)(?:[t_:-]|[,\s]\s*)\s*{_CLOCK}{_ZONE}",
        # Mar  4 10:11:12, Wed Mar  4 10:11:12 CET 2026, Mar 04, 2026 10:11:12 AM, 2026 Mar  4 10:11:12
        rf"{_WEEKDAY}(?:(?P<year>\d{{4}})\s+)?{_MONTH}\s+(?P<day>\d\d?)(?:,?\s+(?P<year2>\d{{4}}))?,?\s+"
        rf"{_CLOCK}{_ZONE}(?:\s+(?P<year3>\d{{4}})(?:\s+(?P<zone2>[+-]\d{{4}}))?)?",
        # 04/Mar/2026:10:11:12 +0100, Wed, 04 Mar 2026 10:11:12 GMT, 04-Mar-26 10:11:12
        rf"{_WEEKDAY}(?P<day>\d\d?)([-/\s])\s*{_MONTH}\2(?P<year>\d{{4}}|\d\d)(?::|,?\s+){_CLOCK}{_ZONE}",
        # 20260304T101112Z, 20260304-10:11:12:123, 20260304101112123
        r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)(?:[t_-]|\s+)?(?P<hour>\d\d?):?(?P<minute>\d\d?):?(?P<second>\d\d?)"
        rf"(?:[.,:]?(?P<fraction>\d+))?{_ZONE}",
        # 260304 101112, 260304 10:11:12
        r"(?P<year>\d\d)(?P<month>\d\d)(?P<day>\d\d)\s+(?P<hour>\d\d?):?(?P<minute>\d\d):?(?P<second>\d\d)"
        rf"(?:[.,](?P<fraction>\d+))?{_ZONE}",
        # 26/03/04 10:11:12, as Spark writes it
        rf"(?P<year>\d\d)/(?P<month>\d\d)/(?P<day>\d\d)\s+{_CLOCK}{_ZONE}",
        # 2026-03-04-10.11.12.123456
        r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)-(?P<hour>\d\d)\.(?P<minute>\d\d)\.(?P<second>\d\d)"
        rf"(?:\.(?P<fraction>\d+))?{_ZONE}",
        # I0304 10:11:12.123456 of klog, 03-04 10:11:12.123 of Android
        rf"(?:[iwefd](?=\d{{4}}))?(?P<month>\d\d)[-/.]?(?P<day>\d\d)\s+{_CLOCK}{_ZONE}",
        # 04.03.2026 10:11:12, 03/04/2026 10:11:12 AM
        rf"(?P<first>\d\d?)(?P<between>[-/.])(?P<middle>\d\d?)(?P=between)(?P<year>\d{{4}}),?\s+{_CLOCK}{_ZONE}",
        # 10:11:12.123
        rf"(?=\d\d?:\d\d:\d\d){_CLOCK}{_ZONE}",
    )
)

_CLOCK_ALONE = re.compile(r"\W*\d\d?:\d\d(?!\d*[/-])")

_HOURS = {
    "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
    "WET": 0, "WEST": 1, "BST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3, "MSK": 3, "JST": 9, "KST": 9,
}  # fmt: skip
"""The abbreviations of RFC 822 and of regions where one stands for one offset."""

_YEAR = re.compile(r"(?<![\d.,:])(?:19|20)\d\d(?!\d|:)|\d{9}")
"""A text with the year needs no reference; nor does an epoch."""

_ZERO = frozenset({"Z", "UTC", "GMT", "UT"})
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d\d?)(?::?(\d\d))?", re.IGNORECASE)

Parts = Mapping[str, str | None]
"""The named parts of a time text."""


def plausible(seconds: float, reference: float | None) -> bool:
    """Whether a time can be that of a line: not before 1990, nor more than five minutes ahead of the reference.

    :param reference: the record's Kafka timestamp in Unix seconds; None: the year 2100 bounds the future.
    """
    return EARLIEST <= seconds <= (reference + AHEAD_SECONDS if _is_known(reference) else LATEST)


def _is_known(reference: float | None) -> TypeGuard[float]:
    """Whether a reference is a time: a producer without a clock writes 0."""
    return reference is not None and reference >= EARLIEST


class LineClock:
    """Reads the time texts of one system's lines. Lines of one second often have the same text: the last is kept."""

    def __init__(self, system: SystemSettings) -> None:
        self._zone = zone_of(system.timezone)
        self._text = ""
        self._seconds: float | None = None
        self._complete = True

    def read(self, stamp: str, reference: float | None) -> float | None:
        """Unix seconds of a time text; None where it is no time, or an implausible one."""
        if stamp != self._text or not (self._complete or self._is_near(reference)):
            self._text, self._seconds = stamp, seconds_of(stamp, self._zone, reference, clock_alone=True)
            self._complete = self._seconds is None or _YEAR.search(stamp) is not None
        seconds = self._seconds
        return None if seconds is None or not plausible(seconds, reference) else seconds

    def _is_near(self, reference: float | None) -> bool:
        """Whether a text that lacks the date or the year has the same time at this reference: it is hours away."""
        return reference is not None and self._seconds is not None and abs(reference - self._seconds) < NEAR_SECONDS


def seconds_of(
    value: object, zone: tzinfo = UTC, reference: float | None = None, clock_alone: bool = False
) -> float | None:
    """Unix seconds of a time field, plausible or not; None where it is no time.

    :param value: of JSON: a number of any unit, or a text.
    :param zone: of a text without one.
    :param clock_alone: whether `00:00:01.532` is a time of day; else it is a duration.
    """
    if isinstance(value, str):
        if not clock_alone and ":" in value[:4] and _CLOCK_ALONE.match(value):
            return None
        return _of_text(value, zone, reference)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e20:
        return None
    return _of_number(value)


def _of_number(value: float) -> float:
    """Seconds from seconds, milli-, micro- or nanoseconds: shippers write all four, and 1e11 s is the year 5138."""
    for unit in (1.0, 1e3, 1e6):
        if value < _SECONDS_BELOW * unit:
            return value / unit
    return value / 1e9


def _of_text(text: str, zone: tzinfo, reference: float | None) -> float | None:
    """Seconds of a text: of ISO 8601 with a clock by the fast parser of Python, of others by their notation."""
    if len(text) > MAX_CHARS:
        return None
    if text.isdecimal() and len(text) not in _COMPACT_DIGITS:
        return _of_number(float(text))
    try:
        if len(text) >= _SHORTEST_ISO and text[4] == "-" and text[10] in "T ":
            moment = datetime.fromisoformat(text)
            return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp()
    except (ValueError, OverflowError):
        pass
    try:
        return _of_notation(text.strip(_AROUND), zone, reference)
    except (ValueError, OverflowError):
        return None


def _of_notation(text: str, zone: tzinfo, reference: float | None) -> float | None:
    number = _NUMBER.fullmatch(text)
    if number and len(number[1]) not in _COMPACT_DIGITS:
        return _of_number(float(text))
    for pattern in _FORMATS:
        if found := pattern.fullmatch(text):
            return _seconds_of_parts(found.groupdict(), zone, reference if _is_known(reference) else time.time())
    return _of_number(float(text)) if number else None


def _seconds_of_parts(parts: Parts, zone: tzinfo, reference: float) -> float | None:
    """Unix seconds of the parts of a time: those of the only date they give, or of the likeliest one by the reference.

    :raises ValueError: they are no time.
    """
    clock, now = _clock(parts), datetime.fromtimestamp(reference, zone)
    times = (_unix(day, clock, parts.get("zone") or parts.get("zone2"), zone) for day in _days(parts, now.date()))
    if parts.get("day") is None and parts.get("first") is None:
        return min(times, key=lambda seconds: abs(seconds - reference))
    if not _year(parts):
        return next((seconds for seconds in times if seconds <= reference + _DAY.total_seconds()), None)
    found = list(times)
    return found[0] if len(found) == 1 else None


def _unix(day: date, clock: timedelta, zone_name: str | None, zone: tzinfo) -> float:
    moment = datetime(day.year, day.month, day.day) + clock
    return moment.replace(tzinfo=_named_zone(zone_name, moment, zone)).timestamp()


def _days(parts: Parts, today: date) -> Iterator[date]:
    """The days that the parts can mean: several where the year or the date is missing, or `03/04/2026`."""
    if parts.get("first") is not None:
        yield from _existing(_month_and_day_first(parts))
    elif parts.get("day") is None:
        yield from (today - _DAY, today, today + _DAY)
    else:
        year, month, day = _year(parts), _month(parts), int(parts["day"] or 0)
        years = [year] if year else range(today.year + 1, today.year - YEARS_BACK - 1, -1)
        yield from _existing((each, month, day) for each in years)


def _month_and_day_first(parts: Parts) -> list[tuple[int, int, int]]:
    """Dots put the day first, a clock of twelve hours the month; else both may be meant."""
    first, second, year = (int(parts[name] or 0) for name in ("first", "middle", "year"))
    days, months = (year, second, first), (year, first, second)
    if parts["between"] == ".":
        return [days]
    return [months] if parts.get("half") or first == second else [days, months]


def _existing(dates: Iterable[tuple[int, int, int]]) -> Iterator[date]:
    for each in dates:
        try:
            yield date(*each)
        except ValueError:
            continue


def _year(parts: Parts) -> int | None:
    text = parts.get("year") or parts.get("year2") or parts.get("year3")
    if text is None:
        return None
    return int(text) if len(text) == 4 else int(text) + (1900 if int(text) >= 70 else 2000)


def _month(parts: Parts) -> int:
    name = parts.get("name")
    return _MONTHS.index(name[:3].lower()) + 1 if name else int(parts["month"] or 0)


def _clock(parts: Parts) -> timedelta:
    """The time since midnight. A leap second is the next one.

    :raises ValueError: there is no such time of day.
    """
    hour, minute, second = (int(parts.get(name) or 0) for name in ("hour", "minute", "second"))
    half = parts.get("half")
    if half and not 1 <= hour <= 12:
        raise ValueError(f"a clock of twelve hours has no hour {hour}")
    if half:
        hour = hour % 12 + (12 if half in "pP" else 0)
    if hour > 23 or minute > 59 or second > 60:
        raise ValueError(f"{hour}:{minute}:{second} is no time of day")
    micro = int((parts.get("fraction") or "").ljust(6, "0")[:6])
    return timedelta(hours=hour, minutes=minute, seconds=second, microseconds=micro)


def _named_zone(name: str | None, moment: datetime, zone: tzinfo) -> tzinfo:
    """The zone that a time text names; the system's where it names none, or one that is not known."""
    if name is None:
        return zone
    if found := _OFFSET.fullmatch(name):
        return offset_of(*found.groups())
    upper = name.upper()
    if upper in _ZERO:
        return UTC
    hours = _HOURS.get(upper)
    if hours is None or moment.replace(tzinfo=zone).tzname() == upper:
        return zone
    return timezone(timedelta(hours=hours))
