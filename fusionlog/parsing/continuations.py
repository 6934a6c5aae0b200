"""Lines that continue the one before them, by their text: frames and causes of stack traces, blocks, statements.

A line stands for itself unless it has one of these forms:

| form | continues |
|---|---|
| frame, cause, end of an inner exception, note of a runtime | any line |
| indented | a line that is indented less, or a trace |
| exception (`java.io.IOException: ...`, `ValueError: ...`) | a line without an exception, frames of Python |
| closing brackets alone | any line |
| opening bracket alone, member of a JSON object | a line that ends with `:`, `=`, `,` or an opening bracket |
| clause of SQL | a line with an unfinished statement |

Nothing continues a JSON object on one line, which would be no JSON then. A line that the system's header matches, or
that begins with a time or a level, begins a line, whatever else it has; frames and causes do not, though a short header
may match them.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from typing import Protocol

Matches = Callable[[str], bool]

MAX_CHARS = 2_000
"""Characters at the beginning of a line that its form is read from."""


# What a line holds so far, in all its pieces.
EXCEPTION, FRAMES, GO, SQL = 1, 2, 4, 8
PYTHON = 16  # a traceback whose exception is still to come
MESSAGE = 32  # a panic whose message stands on the next line
FIELDS = 64  # a validation error, whose next lines name a field each
_CODE = FRAMES | GO | PYTHON

_ENDS = ("Exception", "Error", "Throwable", "Interrupt", "Iteration")
_END = rf"(?:{'|'.join(_ENDS)})(?:Group)?"
EXCEPTION_NAME = (
    rf"(?:(?:[A-Za-z_$][\w$]*(?:\.|\\|::|/))+(?:[A-Z][\w$]*)?(?:{_END}|Failure|Fault|Timeout)|[A-Z][\w$]*{_END})"
)
"""The name of an exception in any language; a bare `Error` or `Exception` is none, for plain logs begin lines so."""

_FRAME = (
    r"at (?:async )?[^\s(.]*\.[^\s(]+\("  # Java, .NET
    r"|at [^()]+ \((?:(?=[^()]*[/\\.<]|node:)[^()]*:\d+:\d+|index \d+|native|<anonymous>)\)(?: \{)?$"  # Node
    r"|at (?:async )?(?=\S*[/\\.])\S+:\d+:\d+\)?(?: \{)?$"
    r"|at <anonymous>"
    r"|\.\.\. ?\d+ (?:more|common frames|frames|lines)\b"
    r"|(?:from )?(?:[\w-]+ \([\d.]+\) )?\S+:\d+:in [`'\"]"  # Ruby
    r"|#\d+\s+(?:\S+\(\d+\):|\{main\}|\[internal function\])"  # PHP
    r"|#\d+\s+(?:0x[0-9a-f]|[^()]+\([^()\s]+:\d+(?::\d+)?\)$)"  # gdb, Dart
    r"|\([\w.]+ [\d.]+\) \S+:\d+: "  # Elixir
    r"|File \".*\", line \d+"
    r"|\S*/\S+\.go:\d+(?: \+0x[0-9a-f]+)?$"
    r"|- [\w ]+<0x[0-9a-f]+>"
)
_CAUSE = (
    rf"Caused by(?::|$)|(?:Suppressed|Wrapped by): {EXCEPTION_NAME}\b"
    r"|During handling of the above exception|The above exception was the direct cause"
    rf"|Next {EXCEPTION_NAME}\b"
    rf"|-{{3,}} ?End of (?:inner|stack|exception)|-{{3,}}> (?:\(Inner Exception #\d+\) )?{EXCEPTION_NAME}\b"
    r"|\[(?:CIRCULAR REFERENCE|[Pp]revious exception\]|cause\]:)"
    r"|\[(?:SQL|parameters): |\(Background on this error at:"
    r"|\*\* \(\w"
)
_NOTE = (
    r"(?:[Ss]tack (?:[Tt]race|[Bb]acktrace|traceback)|[Bb]acktrace):?\s*$"
    r"|note: (?:run with|Some details)"
    r"|\[stacktrace\]|Driver stacktrace:|NoneType: None$|\*{3} Check failure stack trace|\(Use `node --trace"
    r"|thrown in \S+ on line \d+"
    r"|Node\.js v\d[\w.]*\s*$"
)
_GO = r"goroutine \d+ \[|\[signal [A-Z]|\[originating from goroutine"
_CLAUSES = (
    *("from", "where", "and", "or", "set", "values", "order", "group", "having", "limit", "offset", "union", "join"),
    *("on", "returning", "as", "using", "with", "left", "right", "inner", "outer", "cross", "full", "natural"),
    *("select", "for", "case", "when", "then", "else", "end", "into"),
)
_BY = {"order": "order by", "group": "group by", "for": "for (?:update|share)"}
_CLAUSE = rf"(?i:{'|'.join(_BY.get(word, word) for word in _CLAUSES)})\b"
_STATEMENT = r"(?:SELECT|INSERT|UPDATE|DELETE|WITH|CREATE|ALTER|DROP|MERGE|CALL|GRANT|TRUNCATE|EXPLAIN)\b"

_FORM = re.compile(
    rf"(?P<blank>\s*$)"
    rf"|\s*(?:(?P<frame>{_FRAME})|(?P<cause>{_CAUSE})|(?P<go>{_GO})"
    rf"|(?P<traceback>(?:\+ )?(?:Exception Group )?Traceback \(most recent call last\):))"
    rf"|(?P<head>\ *\[?(?:\d{{4}}[-/.]\d\d?[-/.]\d\d?[T ]|\d\d:\d\d:\d\d|<\d+>"
    rf"|(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|SEVERE|CRITICAL|FATAL)\b|(?:CONFIG|FINE|FINER|FINEST): ))"
    rf"|(?P<indented>\s)"
    rf"|(?P<note>{_NOTE})"
    rf"|(?P<detail>(?:(?:DETAIL|HINT|CONTEXT|QUERY|STATEMENT):  |LINE \d+: )\S)"
    rf"|(?P<panic>panic: )"
    rf"|(?P<exception>{EXCEPTION_NAME}(?=:|\s*$|\s[(\[]))"
    rf"|(?P<closing>(?:\"?[)\]}}]+|</[\w:.-]+>)[\[{{)\]}}>;,\s]*$|;\s*$)"
    rf"|(?P<opening>[({{\[]\s*$|\"[^\"]*\"\s*:\s)"
    rf"|(?P<function>(?:[\w.~-]+/)*[\w~-]+(?:\.(?:\(\*?\w+\)|\w+))+$)"  # of Go
    rf"|(?P<clause>{_CLAUSE})"
).match
_PYTHON_EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(?:$|: )").match
_FILE = re.compile(r"\s*File \".*\", line \d+").match
_GO_CALL = re.compile(r"[\w./*\-()$\[\]@%{}]+\(").match
_GO_END = re.compile(r"created by \S+\.\S+|exit status \d+$").match
_GO_CALLER = re.compile(r"\.go:\d").search
_SQL = re.compile(rf"(?:^|[:>=\s(]){_STATEMENT}|(?:^|: |\t)(?i:{_STATEMENT})").search
_STATEMENT_FIRST = re.compile(rf"(?i:{_STATEMENT})").match
_MESSAGE_FOLLOWS = re.compile(r"thread '[^']*' (?:\(\d+\) )?panicked at \S+:\d+:\d+:$").match
_VALIDATION = re.compile(r"Error: \d+ validation errors? for \S").search
_JAVA_LOGGING = re.compile(r"[A-Z][a-z]{2} \d\d, \d{4} \d\d?:\d\d:\d\d (?:[AP]M )?[\w.$]+ \S+$").match
_LEVEL = re.compile(r"(?:SEVERE|WARNING|INFO|CONFIG|FINE|FINER|FINEST): ").match
_CARET = re.compile(r"\s+\^+\s*$").match
_BARE = re.compile(r"(?:Uncaught )?(?:Error|Exception)(?:: |$| \[)").match
_FIELD_NAME = re.compile(r"[\w.\[\]-]+$").match
_OPEN_KEYWORD = re.compile(r"(?:^|\s)(?:SELECT|FROM|WHERE|AND|OR|BY|SET|VALUES|ON|JOIN|INTO|AS|THEN|ELSE)$").search

_MARKS = frozenset(' \t\r\n\f\v\xa0#)};"0123456789') | {""}
_PREFIXES = frozenset(
    ["at ", "Cau", "Sup", "Wra", "Dur", "The", "Nex", "Tra", "Fil", "sta", "Sta", "bac", "Bac", "not", "thr", "exi"]
    + ["Nod", "DET", "HIN", "CON", "LIN", "QUE", "STA", "gor", "cre", "pan", "[si", "[or", "[re", "[CI", "[Pr", "[ca"]
    + ["Non", "***", "(Us", "[pr", "[st", "Dri", "FIN"]
    + ["...", "---", "- l", "- w", "- p", "** ", "(Ba", "(", "( ", "{", "{ "]
    + ["[SQ", "[pa", "[", "[ ", "[[", "[{", "[]", "](", "]", "],", "];", "])", "]}", "]]", "</"]
    + [f"</{letter}" for letter in string.ascii_letters]
    + [word[:3] for level in ("TRACE", "DEBUG", "INFO", "NOTICE", "WARN", "ERROR", "SEVERE", "CRITICAL", "FATAL")
       for word in (level, f"[{level}")]
)  # fmt: skip
_FIRST_WORDS = frozenset(["from", "where", "set", "values", *map(str.upper, _CLAUSES)])
"""Words that a statement of one line goes on with; the others in lower case begin too many plain lines."""

_TAILS = frozenset(
    f"{name}{end}"[-5:] for name in (*_ENDS, "Failure", "Fault", "Timeout") for end in ("", ":", "Group", "Group:")
)

ORDINARY = frozenset("0123456789")
"""First characters of lines that are no continuation."""

ORDINARY_WORDS = frozenset(
    [f"{month} " for month in ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")]
    + ["INFO", "WARN", "ERRO", "DEBU", "TRAC", "FATA", "time", "leve", "ts=2", "[202", "[INF", "[WAR", "[ERR", "[DEB"]
    + ['{"ti', '{"@t', '{"le', '{"ts', '{"ms', '{"me', '{"lo', "info", "warn", "debu"]
)
"""First four characters of lines that are no continuation."""

OPEN_ENDS = frozenset(",({[\\:=")
"""Last characters of lines that a line of any form may continue."""

_BRACKETS = frozenset("{[(")
_BLOCK_ENDS = frozenset("{[(,")
_STRONG = frozenset(["frame", "cause", "go", "traceback", "blank"])
_ANYWHERE = frozenset(["note", "detail", "panic", "closing"])
_GAINS: dict[str | None, int] = {
    "frame": FRAMES, "cause": EXCEPTION | FRAMES, "go": GO | FRAMES, "traceback": PYTHON,
    "exception": EXCEPTION, "panic": EXCEPTION | GO, "function": GO | FRAMES,
}  # fmt: skip


def begins(text: str, previous: str) -> bool:
    """Whether a line surely begins behind another of one piece: it has no form, and the other leaves nothing open.

    Frames of Ruby that are not indented, and some words of SQL in lower case, are found only behind others.
    """
    end = previous[-1:]
    if end in OPEN_ENDS:
        return False
    if end == "}" and previous[0] == "{":
        return True
    if text[:1] in ORDINARY:
        return True
    if text[:4] in ORDINARY_WORDS:
        return previous[6:7] != "," or not _is_level_line(text, previous)
    word = text.partition(" ")[0]
    if (
        word[-5:] in _TAILS
        or word in _FIRST_WORDS
        or text[:1] in _MARKS
        or text[:3] in _PREFIXES
        or (len(word) == len(text) and "." in word)
    ):
        form = form_of(text)
        if form == "head":
            return not _is_level_line(text, previous)
        if form == "function":
            return _GO_CALLER(previous) is None
        return (form is None and not end.isupper()) or (form == "clause" and not _SQL(previous))
    return not end.isupper()


def is_settled(text: str, matches: Matches | None) -> bool:
    """Whether a line begins one whatever comes before it, and another line without a form begins one behind it.

    Such lines can be taken for whole without a look at their neighbours. It is the same for all lines that differ in
    digits alone, where it is for `matches`.
    """
    form = form_of(text)
    plain = form in (None, "head") and not _STATEMENT_FIRST(text)
    if not plain and (form in _STRONG or matches is None or not matches(text)):
        return False
    state, end = state_of(text), text[-1:]
    unfinished = state & SQL and (end in ",(" or _OPEN_KEYWORD(text[-20:]))
    return not (state & (PYTHON | GO | MESSAGE | FIELDS) or unfinished or text.endswith(" \\") or _JAVA_LOGGING(text))


class Held(Protocol):
    """The line that is open in a source: its first and latest piece that is not blank, and its state."""

    previous: str
    state: int

    @property
    def head(self) -> str:
        """Its first piece."""


def form_of(text: str) -> str | None:
    """The form of a line, by its beginning; None: it has none of a continuation."""
    found = _FORM(text[:MAX_CHARS])
    return found.lastgroup if found else None


def state_of(head: str) -> int:
    """The state of a line of one piece."""
    form = form_of(head)
    if "Traceback (most recent call last):" in head:
        form = "traceback"
    return grown(0, form if form in _GAINS else None, head)


def grown(state: int, form: str | None, text: str) -> int:
    """The state of a line that a piece continues."""
    if state & PYTHON and form == "function":
        form = "exception"
    state = (state & ~MESSAGE) | _GAINS.get(form, 0)
    if state & PYTHON and (form == "exception" or (form is None and _PYTHON_EXCEPTION(text))):
        state = (state & ~PYTHON) | EXCEPTION
    if state & EXCEPTION and _VALIDATION(text):
        state |= FIELDS
    if not state & (SQL | FRAMES) and _SQL(text):
        state |= SQL
    return state | EXCEPTION | MESSAGE if _MESSAGE_FOLLOWS(text) else state


def continues(text: str, form: str | None, held: Held, matches: Matches | None) -> bool:
    """Whether a line of this form continues the one that its source holds."""
    if form == "head" and _is_level_line(text, held.previous):
        return True
    if form == "head" or (held.previous is held.head and held.head[:1] == "{" and held.head[-1] == "}"):
        return False
    if form in _STRONG:
        return True
    if form == "indented" and (held.state & _CODE or held.previous[-1:] in _BLOCK_ENDS):
        return True
    if matches is not None and matches(text):
        return False
    if form == "indented":
        return bool(held.state & EXCEPTION) or _indent(text) > _indent(held.head)
    return form in _ANYWHERE or _goes_on(text, form, held, matches is not None)


def _goes_on(text: str, form: str | None, held: Held, headed: bool) -> bool:
    """Whether a line that is not indented belongs to what the held line has begun."""
    state, end = held.state, held.previous[-1:]
    if form == "exception":
        return not state & EXCEPTION or bool(state & PYTHON)
    if form == "opening" and (end in OPEN_ENDS or (headed and _has_no_block(held))):
        return True
    if form == "function" and (state & GO or _GO_CALLER(held.head)):
        return True
    if state & SQL and end != ";":
        return form == "clause" or end in ",(" or _OPEN_KEYWORD(held.previous[-20:]) is not None
    if state & (PYTHON | GO | MESSAGE | FIELDS) and _of_trace(text, held):
        return True
    if _CARET(held.previous) and _BARE(text):
        return True
    return (end == ":" and _SQL(text) is not None) or held.previous.endswith(" \\")


def _has_no_block(held: Held) -> bool:
    """Whether a line is neither a block nor followed by one yet."""
    return held.previous is held.head and held.head[:1] not in _BRACKETS


def _is_level_line(text: str, previous: str) -> bool:
    """Whether a line is the second one of java.util.logging: time and class, then level and message."""
    return _LEVEL(text) is not None and _JAVA_LOGGING(previous) is not None


def _of_trace(text: str, held: Held) -> bool:
    state = held.state
    if state & PYTHON and (_FILE(held.previous) or (held.previous[:1].isspace() and _PYTHON_EXCEPTION(text))):
        return True
    if state & GO and ((text[-1:] == ")" and _GO_CALL(text)) or _GO_END(text)):
        return True
    return bool(state & MESSAGE) or (bool(state & FIELDS) and _FIELD_NAME(text) is not None)


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip())
