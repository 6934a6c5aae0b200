"""The constant words of a log line: its words without the parts that vary.

They name an event in a recording, so they must not depend on how the line came: raw, redacted, masked, or cut. So a
line is first redacted and cut as for a teacher; a placeholder then counts as a digit, and whatever has a digit in it
is dropped whole, with paths, quoted names and the elements of lists. Of the words that stay each counts once, at its
first place: a list of ten topics has the words of a list of one.

A number that is itself the message (`status 500`, `dsn=5.1.1`) is lost by this; the words beside it are kept.
"""

from __future__ import annotations

import re

from fusionlog.parsing.parser import EXAMPLE_CHARS
from fusionlog.teachers.base import MAX_EVENT_CHARS, clip
from fusionlog.utils.redaction import redact

Words = tuple[str, ...]

MAX_WORDS = 32
"""Words that name an event. The 400 characters that are sent of a line have 20 to 40, fewer where its numbers are
long: without a bound the place of the cut would make events of its own."""

ELLIPSIS = "…"

# A name that ends in a UUID keeps its words, `network-vif-unplugged-<UUID>`; one that ends in a number is dropped.
_UUID = re.compile(r"-?(?:<UUID>|(?<![0-9A-Fa-f])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})(?![0-9A-Za-z])")
_PLACEHOLDER = re.compile(r"<(?::?[A-Z][A-Z0-9_-]*:?|\*)>")
_MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_DATE = rf"\b(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),?\s+)?(?:{_MONTH}\s+[0-9]{{1,2}}\b|[0-9]{{1,2}}[ /-]{_MONTH}\b)"
# What is in quotes varies, unless it is a value of several words: msg="no space left", "msg": "no space left".
_QUOTED = "|".join(
    rf"(?<!\w)(?<!{mark}:)(?<!{mark}:\s){mark}(?:[^{mark}\s]*|(?<!={mark})[^{mark}]*)(?:{mark}(?![\w:])|(?={ELLIPSIS}\Z))"
    for mark in ('"', "'")
)
_ELEMENT = r"[^\s,=\[\](){}]+"
_LIST = (
    rf"(?:[\[{{]|(?<=[A-Za-z])\(){_ELEMENT}(?:,\s?{_ELEMENT})+(?:,?\s?\.\.\.)?[\]}})]"
    rf"|(?<==)[\[{{][^\s\[\]{{}}]*[\]}}]"
)
_PATH = r"(?<!\w)/[^\s,:;)\]}\"'>]+"
_COLONS = r"(?<![\w:])[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{0,4}){4,}(?![\w:])"
_HEX = r"(?<![\w-])(?:[a-f]{8,}|[A-F]{8,})(?![\w-])"
_DIGITS = r"(?<![\w.@-])[^\W\d][\w@-]*?[0-9][\w.@+-]*|[0-9][\w.@+-]*(?::[0-9][\w.@+-]*)*"
_VARIABLE = re.compile(f"{_DATE}|{_QUOTED}|{_LIST}|{_PATH}|{_COLONS}|{_DIGITS}|{_HEX}")
_WORD = re.compile(r"[^\W\d_][^\W\d]+")
_LAST_WORD = re.compile(rf"[\w.@+-]+{ELLIPSIS}\Z")


def words(text: str) -> Words:
    """The constant words of a line or a template, each once, `MAX_WORDS` at most; a word that was cut is none."""
    found = dict.fromkeys(_WORD.findall(_VARIABLE.sub(" ", _LAST_WORD.sub(ELLIPSIS, _plain(text)))))
    return tuple(found)[:MAX_WORDS]


def template(text: str) -> str:
    """A line with `<*>` for what varies in it."""
    return _VARIABLE.sub(_wildcard, _plain(text))


def shown(text: str) -> str:
    """A line as it is sent to a teacher: redacted, and cut to `MAX_EVENT_CHARS`; such a text itself is unchanged."""
    return clip(redact(text[:EXAMPLE_CHARS]), MAX_EVENT_CHARS)


def is_cut(text: str) -> bool:
    """Whether `shown` cuts the end of a line off."""
    return shown(text).endswith(ELLIPSIS)


def _plain(text: str) -> str:
    """A line as it is sent, with a digit for each placeholder and a lone one for each UUID."""
    return _PLACEHOLDER.sub("0", _UUID.sub(" 0", shown(text)))


def _wildcard(match: re.Match[str]) -> str:
    """A wildcard; a list keeps its brackets, so that the word before it stays a word."""
    found = match[0]
    return f"{found[0]}<*>{found[-1]}" if found[0] in "[{(" else "<*>"
