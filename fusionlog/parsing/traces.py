"""Stack traces: the content that stands for one, and an example that shows its cause.

Two traces of the same exceptions are one event, whichever lines of code they passed. So the content of a trace is its
first line and every exception in it with its message: a message goes from its exception's line to the first frame, and
what follows a frame is left out up to the next exception. It takes one pass over the lines.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from fusionlog.parsing.continuations import EXCEPTION_NAME, form_of

MAX_CONDENSED = 4_000
"""Characters of a condensed trace, at most."""

MAX_MESSAGE_LINES = 20
"""Lines of one message that are kept."""

ONLY_FRAMES = "stack trace"
"""The content of frames without an exception, as a limit of the joiner may leave them."""

_GAP = " ... "
_ENDS_MESSAGE = frozenset(["frame", "traceback", "go", "place", "function"])
_TRACED = frozenset(["frame", "traceback", "go", "panic", "note"])
_LEFT_OUT = frozenset(["note", "rule"])
_KEEPS = frozenset(["cause", "panic", "exception", "detail"])
_MARGIN = re.compile(r"^\s*[|+] ", re.MULTILINE)
_RULER = re.compile(r"$|[+-]{3,}(?:[\s\d+-]*|.*and \d+ more.*)$|-{3,} ?End of|[\s^~]+$").match
_RUBY = r"\S+:\d+:in (?:`[^`']*'|'[^']*'): (?=\S)"
_PLACE = re.compile(r"\S+:\d+(?::\d+)?:?$").match
_PLACES = re.compile(
    rf"^{_RUBY}| in (?:/|[A-Z]:\\)\S+:\d+$|(?:,| at) \S+\.rs:\d+:\d+(?P<colon>:?)$| in \S+ on line \d+$"
).sub
_CHAINED = re.compile(r"During handling of the above|The above exception was the direct").match
_NOTE = re.compile(
    r"\[signal |\[parameters: |\(Background on this error at|note: (?:run with|Some details)"
    r"|exit status \d|Node\.js v\d|thrown in \S+ on line "
).match
_PANICKED = re.compile(r"thread '[^']*' (?:\(\d+\) )?panicked at ").match
_RAISED = re.compile(rf"(?:Uncaught )?(?:Error|Exception)(?:: |$| \[)|{_RUBY}").match
_PYTHON = re.compile(r"[A-Za-z_][\w.]*(?:$|: )").match
_FOLLOWS = re.compile(
    r"(?:[Ss]tack (?:[Tt]race|[Bb]acktrace|traceback)|[Bb]acktrace):?$|goroutine \d|created by "
).match
_FORMS = (
    ("rule", _RULER), ("rule", _CHAINED), ("note", _NOTE), ("exception", _RAISED), ("panic", _PANICKED),
    ("frame", _FOLLOWS),
)  # fmt: skip
_LAST_CAUSE = re.compile(
    rf"^[ \t|+]*(?:(?:Caused by|Suppressed|Wrapped by): |---> |Next \S+: |\[cause\]: |(?:{EXCEPTION_NAME})(?=: |$))",
    re.MULTILINE,
)


class _Line(NamedTuple):
    content: str
    indented: bool


def condense(text: str) -> str:
    """The content that stands for a joined line, without line breaks.

    Frames, the code they quote, and notes of the runtime are left out. A text without frames, as a statement of SQL or
    a block of JSON, is the same with single blanks.
    """
    if "\n" not in text:
        return text
    if "Exception Group Traceback" in text:
        text = _MARGIN.sub("", text)
    lines = [_Line(each.strip(), each[:1].isspace()) for each in text.split("\n")]
    forms = [_form_of(line.content) for line in lines]
    kept = [line.content for line in lines] if _TRACED.isdisjoint(forms) else _messages(lines, forms)
    return shorten(" ".join(" ".join(kept).split()), MAX_CONDENSED) or ONLY_FRAMES


def shorten(text: str, limit: int) -> str:
    """A text of so many characters, at most, that keeps its head and its tail, or its last cause if that comes before.

    >>> shorten("IOError: disk\\n" + "  at f(1)\\n" * 9 + "Caused by: quota\\n" + "  at g(2)\\n" * 9, 40)
    'IOError: disk\\n  a ... Caused by: quota\\n'
    """
    if len(text) <= limit:
        return text
    if limit <= 2 * len(_GAP):
        return text[:limit]
    head = (limit - len(_GAP)) // 2
    tail = limit - len(_GAP) - head
    start = len(text) - tail
    for found in _LAST_CAUSE.finditer(text, head):
        start = min(found.start(), len(text) - tail)
    return text[:head] + _GAP + text[start : start + tail]


def _messages(lines: Sequence[_Line], forms: Sequence[str | None]) -> list[str]:
    """What stands before the first frame, and each exception from its line to the next frame."""
    kept: list[str] = []
    room, python = MAX_MESSAGE_LINES, False
    for line, form in zip(lines, forms, strict=True):
        if form in _KEEPS or (python and form not in _LEFT_OUT and not line.indented and _PYTHON(line.content)):
            kept.append(_placeless(line.content))
            room, python = MAX_MESSAGE_LINES, False
        elif form in _ENDS_MESSAGE:
            room, python = 0, python or form == "traceback"
        elif room > 0 and form not in _LEFT_OUT:
            kept.append(_placeless(line.content))
            room -= 1
    return kept


def _form_of(content: str) -> str | None:
    """The form of a line of a trace: that of `continuations`, or one of the table before it."""
    if content.startswith("at ") and content.endswith(")"):
        return "frame"
    form = next((form for form, matches in _FORMS if matches(content)), None) or form_of(content)
    return "place" if form is None and _PLACE(content) else form


def _placeless(content: str) -> str:
    """A line without the place in the code at its end."""
    return _PLACES(lambda found: found["colon"] or "", content)
