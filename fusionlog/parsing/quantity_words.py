"""The words around a number that make it a duration, another magnitude, a setting, or nothing.

English words and the usual names of fields: closed sets, so that the same line has the same quantities on every worker.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

Form = Literal["number", "clock", "span"]
"""How a value is written: `3.9`; `00:00:03.9`; `3m12s` or `PT3.9S`."""


class Measure(NamedTuple):
    """What a number is: its name, the factor to seconds or bytes, and whether it is a duration that passed.

    `by_point`: it is one where it has a decimal point, and else a magnitude of unknown unit.
    """

    name: str
    scale: float
    is_duration: bool = False
    by_point: bool = False


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _units(**scales: tuple[float, str]) -> dict[str, float]:
    return {unit: scale for scale, names in scales.values() for unit in names.split()}


TIME_UNITS = _units(
    ns=(1e-9, "纳秒 ns nanos nanosec nanosecs nanosecond nanoseconds"),
    us=(1e-6, "微秒 us µs μs usec usecs micros microsec microsecs microsecond microseconds"),
    ms=(1e-3, "毫秒 ms msec msecs millis millisec millisecs millisecond milliseconds"),
    s=(1.0, "秒 s sec secs second seconds"),
    min=(60.0, "分钟 min mins minute minutes"),
    h=(3600.0, "小时 h hr hrs hour hours"),
    d=(86400.0, "day days"),
)
"""Seconds of each unit of time."""
SPAN_UNITS = {**TIME_UNITS, "m": 60.0, "d": 86400.0}
"""In a span of several parts (`3m12s`) `m` and `d` are units as well."""
SIZE_UNITS = {"b": 1.0, "byte": 1.0, "bytes": 1.0} | {
    f"{prefix}{suffix}": float(factor)
    for power, prefix in enumerate("kmgtp", 1)
    for suffix, factor in (("b", 1000**power), ("ib", 1024**power))
}
"""Bytes of each unit of size, in lower case: `kB` is 1,000, `KiB` 1,024."""
_KEY_UNITS = {unit: scale for unit, scale in TIME_UNITS.items() if unit not in ("h", "min", "day", "second")}

_SETTINGS = _words(
    "timeout timeouts ttl interval intervals limit limits max maximum min minimum every period periodic retrying "
    "reconnect reconnecting again next within keepalive lease grace backoff deadline expire expires expiry expiration "
    "retention threshold uptime up age scheduled schedule scheduling sleep sleeping allowed default quota capacity "
    "linger window until remaining will backing tick refresh poll polling heartbeat budget cooldown throttle least most"
)
"""Words of settings, of what is to come, and of ages: a time beside one is no duration that passed."""
_AHEAD = _words(
    "timeout timeouts interval intervals limit period ago remaining left ttl window old deadline lease delay from "
    "until before"
)
"""Words that make a setting, an age or a point in time of the time before them."""
_AGAIN = _words("retry retries retrying again")
_ELSEWHEN = _words(
    "start started end ended begin stop stopped created create updated modified last first now current server local "
    "utc at date stamp timestamp ts epoch event commit file id ids uid pid port offset seq index hash version "
    "no nr code status since boot"
)
"""Parts of the names of points in time and of identifiers."""
_DURATIONS = _words("delay latency duration elapsed took taken runtime rtt rt urt lasted")
_ASIDE = _words("last past previous per each since every")
"""Words right before a time that is a period: `in the last 5 minutes`."""
_LINKS = _words("is was are of at to now by reached")
"""Words between a key and its number: `queue length is 300`."""
_CHINESE_SETTING = re.compile("(?:超时|间隔|每|最大|最多|最小|有效期)[时间为是：:= ]*\\Z")
_TIMED = _words(
    "request response upstream process processing exec execution query wait waiting service run elapsed total cpu "
    "gc render rendering connect connection backend load lookup transfer handler compute sql db reply roundtrip "
    "turnaround lock search parse compile fetch read write sync flush startup shutdown pause apply real user sys "
    "system wall header session handling serve serving handshake dns tls ssl call proxy origin"
)
"""Parts before `time` that make a duration of it: `request_time`, `executionTime`."""
_SIZES = _words("size sizes bytes byte length len memory mem heap rss payload")
_TRIES = _words("retry retries attempt attempts tries retransmits redeliveries restarts")
_QUEUES = _words("depth backlog lag pending queued queue inflight outstanding unacked unacknowledged")
_PERCENTS = _words("percent pct percentage utilization utilisation")
_COUNTED = _words(
    "tests rows records messages errors requests connections failures warnings hits misses exceptions clients "
    "consumers events entries items files sessions tasks jobs packets retries attempts threads"
)
_COUNTS = _COUNTED | _words("count counts total num nrcpt dropped lost failed")
_NOUNS = _COUNTED | _words(
    "error failure warning row record message request connection exception client consumer event entry item file "
    "session task job packet times retry attempt thread"
)
"""Words behind a number that counts them: `412 errors`."""
_MAGNITUDES = _SIZES | _TRIES | _QUEUES | _PERCENTS | _COUNTS

_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_KEY = re.compile(r"([\"'\[(]*\s*[=:\[(]+\s*[\"'\])]*|[\"'\s([#~<>]*)([\w.-]*[A-Za-z_])")
"""The key before a number and what joins them, in a text read backwards: so it is found without a search."""
_KEY_UNIT = re.compile(r"[\"']? ?[=:] ?[)\]](\w{1,12})[(\[] ?([\w.-]*[A-Za-z_])")
"""A unit behind a key, read backwards: `duration (ms): 3900`."""
_JOINTS = re.compile(r"[=:\[(]")
_WORD = re.compile(r"[A-Za-z_-]+")
_CLAUSE = re.compile(r"[.,;!?]\s|[|{}]|[=:]\S*\s")
"""What ends the clause before a number."""
_NEAR_WORDS = 4
_NAME = re.compile(r"[A-Za-z_.-]{1,32}")
_CAMEL = re.compile(r"[a-z]Time")


class _Context(NamedTuple):
    """The key or word before a number, its parts, whether `=`, `:` or a bracket joins them, and the text before."""

    key: str
    parts: tuple[str, ...]
    is_joined: bool
    before: str

    def has(self, words: frozenset[str]) -> bool:
        """Whether a part of the key is one of these words."""
        return not words.isdisjoint(self.parts)

    def follows(self, words: frozenset[str]) -> bool:
        """Whether one of these is among the last words of the clause before the key."""
        return not words.isdisjoint(_near(self.before))


def measure_of(before: str, form: Form, unit: str, after: str) -> Measure | None:
    """What a value is, None where it is nothing of interest.

    :param before: the text before it. :param unit: the unit written to it or behind it, '' where there is none.
    :param after: the next word.
    """
    context, after = _context(before), after.lower()
    seconds = 1.0 if form == "span" else None if form == "clock" else time_unit(unit)
    if seconds is not None:
        return None if _is_setting(context, before, after) else Measure("duration", seconds, True)
    if context.has(_SETTINGS):
        return None
    if form == "clock":
        return Measure("duration", 1.0, True) if _has_clock(context) else None
    if (size := size_unit(unit)) is not None:
        return Measure(_name(context, "bytes"), size)
    if unit == "%":
        return Measure(_name(context, "percent"), 1.0)
    return _by_key(context) or _by_noun(context, after)


def attempt_of(before: str) -> Measure | None:
    """What the first number of `3/5` is: an attempt, or nothing."""
    context = _context(before)
    return Measure(_name(context, "attempt"), 1.0) if context.has(_TRIES) else None


def time_unit(unit: str) -> float | None:
    """Seconds of a unit of time; `M` is none, nor is a lone `m`."""
    return TIME_UNITS.get(unit) or (TIME_UNITS.get(unit.lower()) if len(unit) > 2 else None)


def size_unit(unit: str) -> float | None:
    """Bytes of a unit of size."""
    return None if unit == "b" else SIZE_UNITS.get(unit.lower())


def is_unit(word: str) -> bool:
    """Whether a word is a unit of time or size, or a percent sign."""
    return word == "%" or time_unit(word) is not None or size_unit(word) is not None


def _by_key(context: _Context) -> Measure | None:
    """What a bare number is by its key."""
    if not context.parts or context.has(_ELSEWHEN):
        return None
    scale = _key_scale(context)
    if scale is not None:
        return Measure("duration", scale, True)
    if context.has(_DURATIONS):
        return Measure(_name(context, "duration"), 1.0, by_point=True)
    return Measure(_name(context, "count"), 1.0) if context.has(_MAGNITUDES) else None


def _by_noun(context: _Context, noun: str) -> Measure | None:
    """What a bare number is by what it counts: `412 errors`."""
    return Measure(noun, 1.0) if noun in _NOUNS and not context.is_joined else None


def _key_scale(context: _Context) -> float | None:
    """Seconds of the unit that a key names, or that its numbers usually have; None where they have no usual one."""
    last, several = context.parts[-1], len(context.parts) > 1
    if last in _KEY_UNITS and (several or len(last) > 2 or last == "ms") and context.is_joined:
        return _KEY_UNITS[last]
    if not context.is_joined:
        return None
    if last == "time" and (not several or context.has(_TIMED)):
        return 1e-3 if _CAMEL.search(context.key) else 1.0
    return 1.0 if last == "delay" else None


def _is_setting(context: _Context, before: str, after: str) -> bool:
    """Whether a time is a setting, an age, or still to come: by its key, the words before, or the word behind."""
    if after in _AHEAD or context.has(_SETTINGS) or context.key.lower() in _ASIDE or _CHINESE_SETTING.search(before):
        return True
    if context.is_joined or context.has(_DURATIONS):
        return False
    if context.parts == ("after",):
        return context.follows(_AGAIN)
    return context.follows(_SETTINGS | _AGAIN)


def _has_clock(context: _Context) -> bool:
    """Whether a clock is a duration by its key: `elapsed: 00:00:03`, `execution time: 00:00:03`, not `time: 12:00`."""
    if context.has(_ELSEWHEN):
        return False
    timed = context.parts[-1:] == ("time",) and (context.has(_TIMED) or context.follows(_TIMED))
    return timed or context.has(_DURATIONS)


def _context(before: str) -> _Context:
    backwards = before[::-1]
    found = _KEY.match(backwards)
    if found is None:
        return _Context("", (), False, before)
    key, joined = found[2][::-1], _JOINTS.search(found[1]) is not None
    unit = _KEY_UNIT.match(backwards)
    if unit is not None and unit[1][::-1].lower() in TIME_UNITS:
        key = f"{unit[2][::-1]}_{unit[1][::-1]}"
    elif not joined and key.lower() in _LINKS and (linked := _KEY.match(backwards, found.end())):
        key = linked[2][::-1]
    return _Context(
        key, tuple(part.lower() for part in _PART.findall(key)), joined, before[: len(before) - found.end(1)]
    )


def _near(text: str) -> frozenset[str]:
    """The last words of the clause that a text ends with."""
    return frozenset(word.lower() for word in _WORD.findall(_CLAUSE.split(text)[-1])[-_NEAR_WORDS:])


def _name(context: _Context, usual: str) -> str:
    """The name of a magnitude: its key in lower case, where that has no digit and is not long."""
    if (context.is_joined or context.has(_MAGNITUDES | _DURATIONS)) and _NAME.fullmatch(context.key):
        return context.key.lower()
    return usual
