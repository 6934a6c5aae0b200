"""A failure lexicon: whether a log line reports failure or success, a stop or a start, with the scope of negations.

Embeddings do not separate these: the lines of a mount that failed and of one that succeeded are near neighbours. So a
label is transferred from one event to another only when the two do not contradict each other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_PLACEHOLDER = re.compile(r"<[^<>]*>|\[[^\s\]]*[\d/=:][^\s\]]*\]")
_VARIABLE = re.compile(r"(?<![\w/])/?[^\s/]*/\S+|\S*\d\S*")
_LEVEL = re.compile(r"\b(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|SEVERE|FATAL|FAILURE|CRITICAL|ALERT|EMERG)\b")
CACHED_TEXTS = 20_000
"""Entries of the cache of `reports_failure`."""
_WORD = re.compile(r"[A-Za-z]+(?:'t)?")


@dataclass(frozen=True)
class Lexicon:
    """Two opposite sets of words, each a pattern of whole lower-case words."""

    negative: re.Pattern[str]
    positive: re.Pattern[str]


def _lexicon(negative: str, positive: str) -> Lexicon:
    return Lexicon(re.compile(rf"\b(?:{negative})\b"), re.compile(rf"\b(?:{positive})\b"))


OUTCOME = _lexicon(
    negative=r"fail\w*|\w*errors?|\w*exceptions?|fault(?:s|ed|y)?|fatal|unable|cannot|can not|could not|can't|couldn't|"
    r"lost|losing|loss|missing|denied|den(?:y|ies)|refused|reject(?:ed|s|ing)?|abort\w*|panic\w*|crash\w*|corrupt\w*|"
    r"kill(?:ed|ing)?|died|dead|dying|broken|unreachable|unavailable|disconnect\w*|timeouts?|timed out|time out|"
    r"expired|interrupted|overflow\w*|segmentation|segfault|exhausted|out of memory|no space|stuck|"
    r"hung|hang|deadlock\w*|unexpected\w*|"
    r"invalid|illegal|violat\w+|inconsistent|mismatch\w*|bad|malformed|incomplete|unrecoverable|uncorrectable|unresponsive|"
    r"degraded|critical|not found|not exist|not respond\w*|not available|not ready",
    positive=r"succe\w+|ok|okay|complete[ds]?|completion|correct(?:ed|able)|recovered|recoverable|restored|resolved|ready|"
    r"healthy|able|found|available|accepted|valid|verified|passed|finished|established|acknowledged|handled",
)
"""Failure against success. A small, general list of English words; none was added to suit a data set."""

LEXICONS = (
    OUTCOME,
    _lexicon(r"down|offline", r"up|online"),
    _lexicon(r"lost|missing", r"found"),
    _lexicon(r"stop(?:s|ped|ping)?|terminat\w+|exit\w*|shut\w* ?down", r"start(?:s|ed|ing)?|boot\w*|launch\w*"),
    _lexicon(r"disconnect\w*|closed?|closing", r"connect(?:ed|ing|s)?|open(?:ed|ing)?"),
    _lexicon(r"delet\w+|remov\w+|destroy\w*", r"creat\w+|add(?:ed|ing|s)?"),
    _lexicon(r"disabled?|unmount\w*", r"enabled?|mount(?:ed|ing|s)?"),
    _lexicon(r"paus\w+|suspend\w*", r"resum\w+|unpaus\w+"),
)
_NEGATED = re.compile(r"\b(?:no|not|never|without|zero|didn't|doesn't|isn't|wasn't|don't)((?: \w+){1,2})")


def words(text: str) -> str:
    """The constant words of a line or a template, in lower case: no placeholders, numbers, paths, nor the log level.

    An identifier stays one word: `invalidSet` names a thing and reports no outcome.
    """
    for pattern in (_PLACEHOLDER, _VARIABLE, _LEVEL):
        text = pattern.sub(" ", text)
    return " ".join(_WORD.findall(text)).lower()


def valence(text: str, lexicon: Lexicon = OUTCOME) -> int:
    """-1 where the words of a text are negative in a lexicon, 1 where they are positive, 0 where it has none of them.

    The last word of the lexicon decides (`error detected and corrected`). A negation reverses the first one within two
    words after it: `no error`, `not able`.
    """
    found = sorted(
        [(m.start(), 1) for m in lexicon.positive.finditer(text)]
        + [(m.start(), -1) for m in lexicon.negative.finditer(text)]
    )
    if not found:
        return 0
    place, value = found[-1]
    return -value if place in _in_negation_scope([start for start, _ in found], text) else value


@lru_cache(maxsize=CACHED_TEXTS)
def reports_failure(text: str) -> bool:
    """Whether a line or a template reports a failure; cached, for few templates make up most lines."""
    return valence(words(text)) < 0


def contradict(one: str, other: str) -> bool:
    """Whether two lines (their words) are opposite in a lexicon, or one reports a failure and the other does not."""
    if (valence(one) < 0) != (valence(other) < 0):
        return True
    return any(valence(one, lexicon) * valence(other, lexicon) < 0 for lexicon in LEXICONS)


def _in_negation_scope(places: list[int], text: str) -> set[int]:
    """Of the places of a lexicon's words, those in the scope of a negation."""
    spans = [range(match.start(1), match.end()) for match in _NEGATED.finditer(text)]
    return {next((place for place in places if place in span), -1) for span in spans}
