"""The stance of a log line: does it say that something went well or badly, started or stopped?

Embeddings do not see it: the lines of a mount that failed and of one that succeeded are near neighbours. So a verdict
is carried from one event to another only when they do not oppose each other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_PLACEHOLDER = re.compile(r"<[^<>]*>|\[[^\s\]]*[\d/=:][^\s\]]*\]")
_VARIABLE = re.compile(r"(?<![\w/])/?[^\s/]*/\S+|\S*\d\S*")
_LEVEL = re.compile(r"\b(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|SEVERE|FATAL|FAILURE|CRITICAL|ALERT|EMERG)\b")
REMEMBERED = 20_000
"""Templates of which it is remembered whether they speak of a failure."""
_WORD = re.compile(r"[A-Za-z]+(?:'t)?")


@dataclass(frozen=True)
class Axis:
    """Two opposite ends, each a pattern of whole lower-case words."""

    bad: re.Pattern[str]
    good: re.Pattern[str]


def _axis(bad: str, good: str) -> Axis:
    return Axis(re.compile(rf"\b(?:{bad})\b"), re.compile(rf"\b(?:{good})\b"))


OUTCOME = _axis(
    bad=r"fail\w*|\w*errors?|\w*exceptions?|fault(?:s|ed|y)?|fatal|unable|cannot|can not|could not|can't|couldn't|"
    r"lost|losing|loss|missing|denied|den(?:y|ies)|refused|reject(?:ed|s|ing)?|abort\w*|panic\w*|crash\w*|corrupt\w*|"
    r"kill(?:ed|ing)?|died|dead|dying|broken|unreachable|unavailable|disconnect\w*|timeouts?|timed out|time out|"
    r"expired|interrupted|overflow\w*|segmentation|segfault|exhausted|out of memory|no space|stuck|"
    r"hung|hang|deadlock\w*|unexpected\w*|"
    r"invalid|illegal|violat\w+|inconsistent|mismatch\w*|bad|malformed|incomplete|unrecoverable|uncorrectable|unresponsive|"
    r"degraded|critical|not found|not exist|not respond\w*|not available|not ready",
    good=r"succe\w+|ok|okay|complete[ds]?|completion|correct(?:ed|able)|recovered|recoverable|restored|resolved|ready|"
    r"healthy|able|found|available|accepted|valid|verified|passed|finished|established|acknowledged|handled",
)
"""Failure against success. A small, general list of English words; none was added to suit a data set."""

AXES = (
    OUTCOME,
    _axis(r"down|offline", r"up|online"),
    _axis(r"lost|missing", r"found"),
    _axis(r"stop(?:s|ped|ping)?|terminat\w+|exit\w*|shut\w* ?down", r"start(?:s|ed|ing)?|boot\w*|launch\w*"),
    _axis(r"disconnect\w*|closed?|closing", r"connect(?:ed|ing|s)?|open(?:ed|ing)?"),
    _axis(r"delet\w+|remov\w+|destroy\w*", r"creat\w+|add(?:ed|ing|s)?"),
    _axis(r"disabled?|unmount\w*", r"enabled?|mount(?:ed|ing|s)?"),
    _axis(r"paus\w+|suspend\w*", r"resum\w+|unpaus\w+"),
)
_NEGATED = re.compile(r"\b(?:no|not|never|without|zero|didn't|doesn't|isn't|wasn't|don't)((?: \w+){1,2})")


def words(text: str) -> str:
    """The constant words of a line or a template, in lower case: no placeholders, numbers, paths, nor the log level.

    An identifier stays one word: `invalidSet` names a thing and says nothing of how it went.
    """
    for pattern in (_PLACEHOLDER, _VARIABLE, _LEVEL):
        text = pattern.sub(" ", text)
    return " ".join(_WORD.findall(text)).lower()


def side(text: str, axis: Axis = OUTCOME) -> int:
    """-1 where the words speak for the bad end, 1 for the good one, 0 for neither.

    The last word that takes a side decides (`error detected and corrected`). A negation turns the first one within two
    words after it round: `no error`, `not able`.
    """
    found = sorted(
        [(m.start(), 1) for m in axis.good.finditer(text)] + [(m.start(), -1) for m in axis.bad.finditer(text)]
    )
    if not found:
        return 0
    place, value = found[-1]
    return -value if place in _negated([start for start, _ in found], text) else value


@lru_cache(maxsize=REMEMBERED)
def failing(text: str) -> bool:
    """Whether a line or a template speaks of a failure; remembered, for the same templates come again and again."""
    return side(words(text)) < 0


def opposed(one: str, other: str) -> bool:
    """Whether two lines (their words) say opposite things, or one reports a failure and the other does not."""
    if (side(one) < 0) != (side(other) < 0):
        return True
    return any(side(one, axis) * side(other, axis) < 0 for axis in AXES)


def _negated(places: list[int], text: str) -> set[int]:
    """Of the places where words take a side, those that a negation before them turns round."""
    spans = [range(match.start(1), match.end()) for match in _NEGATED.finditer(text)]
    return {next((place for place in places if place in span), -1) for span in spans}
