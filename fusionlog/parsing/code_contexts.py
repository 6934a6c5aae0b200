"""Codes in the context of other tokens: `exit code 137`, `returned 3`, `502 Bad Gateway`.

A token opens contexts, of a kind that is a letter each; the rule of the kind finds the code's place in the tokens that
follow, or before it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from fusionlog.parsing.code_words import (
    BEFORE_CODE,
    CLOSED,
    DSN,
    END,
    GRPC,
    IS,
    KEY_ENDS,
    KEY_LETTERS,
    KEYS,
    NUMBER,
    NUMBERS_OF,
    OPENED,
    SQLSTATE,
    STATES,
    WIDE,
    is_accepted,
    is_http,
    is_part,
    is_reply,
    is_short,
    may_qualify,
    qualifier_of,
    words_of,
)
from fusionlog.parsing.codes import Candidate

MAX_AHEAD = 5
"""Tokens behind one that opens a context: its code is among them."""

Found = tuple[int, Candidate]
"""The number of a token, and a place in it."""

_COUNTED = (
    r"(?!\W?\s+(?:of\s|out\s|/|%|percent|per\s|(?:bytes?|rows?|lines?|records?|items?|entries|messages?|files?|times|"
    r"retries|attempts?|seconds?|secs?|minutes?|mins?|ms|s|hours?|days?|requests?|errors|workers?|tasks?|jobs?|"
    r"threads?|nodes?|users?|connections?|objects?|packets?|blocks?|pages?|results?|hits|dBm|dB|[KMG]i?B)\b))"
)
_CLAUSE = (
    r"(?=\Z|[^\w\s]|\s+(?:from|after|for|on|by|while|when|but|and|instead|at|in|to|because|via|with|during|is|was)\b"
    r"|\s+[^\w\s]|\s+[A-Z])"
)
_LINK = r"(?:(?:=>|:=|==|=|:|->|is|was|are|of|equals|value|number|=\s*)\s+)?"
_REST_OF_KEY = re.compile(
    rf"{_LINK}{OPENED}(?P<code>{DSN}|{NUMBER}|(?:{GRPC})(?![A-Za-z])){END}(?:/[A-Z]{{2,12}})?{_COUNTED}"
    rf"(?:\s+\((?P<five>{SQLSTATE})\))?"
)
_REST_OF_STATE = re.compile(rf"{_LINK}{OPENED}(?P<code>{SQLSTATE})")
_REST_OF_VERB = re.compile(
    rf"(?:(?:with|code|status|by|:|=)\s+)*(?:\((?P<in>-?[0-9]{{1,3}})\)|{OPENED}(?P<code>-?[0-9]{{1,3}}){END}{_CLAUSE})"
)
_REST_OF_HTTP = re.compile(
    r"(?:(?i:status|error|code|response|returned|answered|:|=|is|was)[:=]?\s+)*[(\"'\[]*(?P<code>[0-9]{3})"
    rf"{END}{_COUNTED}"
)
_REST_OF_QUOTE = re.compile(r"(?P<code>[0-9]{3}) (?:[0-9]+|-)(?!\S)")
_REST_OF_METHOD = re.compile(
    r"(?:\S*/\S*)(?: HTTP/[0-9.]+)?\"?(?: (?:->|=>|-|:|\|))? [\[(]?(?P<code>[0-9]{3})[\])]?,?(?!\S)"
)
_REST_OF_TIMERS = re.compile(r"(?P<code>-?[0-9]{1,3}) \+?[0-9]+(?!\S)")
_REST_OF_BAR = re.compile(r"(?P<code>[0-9]{3}) \|")
_REST_OF_SERVER = re.compile(rf"(?P<code>[0-9]{{3}})(?:[ -](?P<dsn>{DSN})|[ -](?=[A-Za-z<]))")
_REST_OF_LEVEL = re.compile(rf"(?P<code>{SQLSTATE}):")
_PHRASE = re.compile(
    r"(?:OK|Created|Accepted|No Content|Moved Permanently|Found|Not Modified|Temporary Redirect|Bad Request|"
    r"Unauthorized|Payment Required|Forbidden|Not Found|Method Not Allowed|Not Acceptable|Request Time-?[Oo]ut|"
    r"Conflict|Gone|Precondition Failed|Payload Too Large|Unsupported Media Type|Unprocessable|Too Many Requests|"
    r"Internal Server Error|Not Implemented|Bad Gateway|Service (?:Temporarily )?Unavailable|Gateway Time-?[Oo]ut)"
    r"(?![A-Za-z])"
)

_OPEN_KEY = re.compile(rf"(?:(?P<key>(?i:{KEYS}))|(?P<state>(?i:{STATES}))){CLOSED}(?P<sep>{IS}?){OPENED}\Z")
_OPEN_WIDE = re.compile(rf"(?:{WIDE})[为是:：=＝]*\Z")
_OPEN_HTTP = re.compile(r"(?:\A|[^A-Za-z0-9])(?i:HTTPS?)(?:/[0-9.]+)?[\"')\]:]*\Z")
_OPEN_METHOD = re.compile(r"\A[\"'\[]?(?:GET|HEAD|POST|PUT|DELETE|PATCH|OPTIONS|CONNECT|TRACE|PROPFIND|QUERY)\Z")
_OPEN_TIMERS = re.compile(r"\A-?[0-9]+(?:/[+-]?[0-9]+){4}\Z")
_IS_DSN = re.compile(rf"\A(?P<code>{DSN})[:,;)]*\Z")
_IS_NUMBERED = re.compile(r"\A[(\[](?P<code>[0-9]{1,3}):\Z")
_IS_THREE = re.compile(r"\A[(\"'<\[]*(?P<code>[0-9]{3})[)\"'>\]]*\Z")

_RETURNS = words_of("returned returns return exited exits exit")
_ENDS = words_of("terminated died finished ended completed failed aborted quit closed")
_ANSWERS = words_of("responded responds answered replied received got sent completed response responding")
_SERVERS = words_of("said reply response me server replied answered")
_PHRASES = words_of(
    "OK Created Accepted No Moved Found Not Temporary Bad Unauthorized Payment Forbidden Method Request Conflict Gone "
    "Precondition Payload Unsupported Unprocessable Too Internal Service Gateway"
)
_LEVELS = words_of("ERROR FATAL PANIC WARNING NOTICE LOG")


def kinds_opened(token: str) -> str:
    """The kinds of context that a token opens, a letter each: its code is in another token."""
    kinds = "q" if token[-1] == '"' and len(token) > 1 and "=" not in token else ""
    if token[0] in _NUMBER_STARTS:
        kinds += _opened_by_number(token)
    bare = token.strip(_AROUND)
    if not bare or bare[-1].isdigit():
        return kinds + "h" if "/" in bare and _OPEN_HTTP.search(token) else kinds
    lower = bare.lower()
    if "http" in lower and _OPEN_HTTP.search(token):
        kinds += "h"
    if lower in _WORDS:
        kinds += _opened_by_word(token, bare, lower)
    if not token.isascii() and _OPEN_WIDE.search(token):
        kinds += "w"
    return kinds + "k" if token[0] != "/" and lower.endswith(KEY_ENDS) and _OPEN_KEY.search(token) else kinds


def may_open_key(token: str) -> bool:
    """Whether a token may end with the key of a code in the next one."""
    bare = token.rstrip(_AROUND)
    return bare[-1:] in KEY_LETTERS and bare.lower().endswith(KEY_ENDS)


def _opened_by_word(token: str, bare: str, lower: str) -> str:
    kinds = "m" if bare in _METHODS and _OPEN_METHOD.match(token) else ""
    kinds += "p" if bare in _PHRASES else ""
    kinds += "v" if lower in _VERBS else ""
    if token[-1] == ":":
        kinds += ("s" if lower in _SERVERS else "") + ("l" if bare in _LEVELS else "")
    return kinds


def _opened_by_number(token: str) -> str:
    if token == "|":
        return "b"
    if _IS_DSN.match(token):
        return "d"
    if _IS_NUMBERED.match(token):
        return "n"
    return "t" if token.count("/") == 4 and _OPEN_TIMERS.match(token) else ""


_AROUND = "\"'`\\()[]{}<>=:,;."
_METHODS = words_of("GET HEAD POST PUT DELETE PATCH OPTIONS CONNECT TRACE PROPFIND QUERY")
_VERBS = _RETURNS | _ENDS | _ANSWERS
_WORDS = _VERBS | _SERVERS | {each.lower() for each in _METHODS | _LEVELS | _PHRASES}
_NUMBER_STARTS = "0123456789-([|"


def across(tokens: Sequence[str], at: int, kinds: str) -> list[Found]:
    """The candidates in the context that the token at this place opens."""
    rest = " ".join(tokens[at + 1 : at + 1 + MAX_AHEAD])
    found: list[Found] = []
    for kind in possible(tokens, at, kinds):
        found += _RULES[kind](tokens, at, rest)
    return found


def possible(tokens: Sequence[str], at: int, kinds: str) -> str:
    """The kinds of context that the token behind leaves possible: most end with a word, or with the line."""
    behind = tokens[at + 1] if at + 1 < len(tokens) else ""
    if behind and (not behind[0].islower() or behind.rstrip(":=") in _FILLERS):
        return kinds
    return "".join([kind for kind in kinds if kind in _NOT_AHEAD])


_FILLERS = words_of("is was are of equals value number with code status by error response returned answered")
"""Words between what opens a context and its code."""
_NOT_AHEAD = "dpm"
"""Kinds whose code is not ahead, or behind a path."""


def _placed(at: int, rest: str, match: re.Match[str] | None, group: str, accept: Callable[[str], bool]) -> list[Found]:
    """A group of a match in the text behind a token, as a place in one of the tokens that follow."""
    if match is None or match[group] is None:
        return []
    start, stop = match.span(group)
    number, begin = rest.count(" ", 0, start), rest.rfind(" ", 0, start) + 1
    end = stop
    if rest[stop : stop + 1] == "/":
        end = match.end() if group == "code" and " " not in rest[stop : match.end()] else stop
    place = Candidate(start - begin, end - begin, start - begin, stop - begin, accept(match[group]))
    return [(at + 1 + number, place)]


def _after_key(tokens: Sequence[str], at: int, rest: str) -> list[Found]:
    token = tokens[at]
    opened = _OPEN_KEY.search(token)
    if opened is None:
        return []
    key, start = (opened["key"] or opened["state"]).lower(), opened.start()
    before, last = token[max(0, start - 40) : start], tokens[at - 1] if at else ""
    joined = before[-1:].isalnum() or (before[-1:] in ("_", "-", ".") and len(before) > 1)
    qualifier = qualifier_of(before) if joined else _word(last)
    if is_part(key, before, token[start]):
        return []
    if opened["state"]:
        known = key != "state" or qualifier == "sql"
        return _placed(at, rest, _REST_OF_STATE.match(rest), "code", _any) if known else []
    if not opened["sep"] and not joined and key in ("result", "reason", "ret", "rv", "exit"):
        return []
    if key == "number" and (joined or qualifier not in NUMBERS_OF):
        return []
    if key == "code" and not may_qualify(qualifier) and (joined or not (qualifier in BEFORE_CODE or _ends(last))):
        return []
    match = _REST_OF_KEY.match(rest)
    if match is None or (key in _LOOSE and opened["sep"] == ":" and not _stands_alone(match, rest)):
        return []
    if match["code"][:1].isalpha() and (key not in ("code", "status") or not _has_link(opened, rest)):
        return []
    found = _placed(at, rest, match, "code", lambda text: is_accepted(key, text, qualifier))
    return found + _placed(at, rest, match, "five", _any) if key == "error" else found


def _stands_alone(match: re.Match[str], rest: str) -> bool:
    """Whether a number behind `error:` is no count: it is negative, or the clause ends with it."""
    return match["code"][0] == "-" or rest[match.end("code") :][:1] in ("", ")", ".", ",", ";")


_LOOSE = ("error", "err", "fehler", "result")


def _has_link(opened: re.Match[str], rest: str) -> bool:
    return bool(opened["sep"]) or rest[:1] in "=:"


def _word(token: str) -> str:
    return token.strip(_AROUND).lower()


def _ends(token: str) -> bool:
    """Whether a token is no word, or ends a clause: what follows has no qualifier."""
    return not token.isalpha()


def _any(text: str) -> bool:
    return True


def _after_verb(tokens: Sequence[str], at: int, rest: str) -> list[Found]:
    word = tokens[at].strip(_AROUND).lower()
    match = _REST_OF_VERB.match(rest)
    if match is None:
        return []
    group = "in" if match["in"] is not None else "code"
    if word in _RETURNS:
        return _placed(at, rest, match, group, lambda text: is_short(text, 3))
    if word in _ANSWERS:
        return _placed(at, rest, match, group, is_http)
    linked = rest.startswith(("with", "code", "status"))
    return _placed(at, rest, match, group, _any if linked else _is_negative)


def _is_negative(text: str) -> bool:
    return text[0] == "-"


def _after_level(tokens: Sequence[str], at: int, rest: str) -> list[Found]:
    return _placed(at, rest, _REST_OF_LEVEL.match(rest), "code", _any)


def _after_server(tokens: Sequence[str], at: int, rest: str) -> list[Found]:
    match = _REST_OF_SERVER.match(rest)
    return _placed(at, rest, match, "code", is_reply) + _placed(at, rest, match, "dsn", _is_enhanced)


def _is_enhanced(text: str) -> bool:
    return text[0] in "245"


def _at_dsn(tokens: Sequence[str], at: int, rest: str) -> list[Found]:
    """`550 5.1.1`: both are codes."""
    reply, dsn = _IS_THREE.match(tokens[at - 1]) if at else None, _IS_DSN.match(tokens[at])
    if reply is None or dsn is None:
        return []
    accepted = reply["code"][0] == dsn["code"][0] and _is_enhanced(dsn["code"])
    return [(at - 1, _whole(reply, accepted)), (at, _whole(dsn, accepted))]


def _at_phrase(tokens: Sequence[str], at: int, rest: str) -> list[Found]:
    """`502 Bad Gateway`."""
    code = _IS_THREE.match(tokens[at - 1]) if at else None
    if code is None or not _PHRASE.match(f"{tokens[at]} {rest}"):
        return []
    return [(at - 1, _whole(code, is_http(code["code"])))]


def _at_number(tokens: Sequence[str], at: int, rest: str) -> list[Found]:
    """`(13: Permission denied)`."""
    code = _IS_NUMBERED.match(tokens[at])
    return [(at, _whole(code, True))] if code is not None and rest[:1].isupper() else []


def _whole(match: re.Match[str], accepted: bool) -> Candidate:
    return Candidate(*match.span("code"), *match.span("code"), accepted)


def _by(expression: re.Pattern[str], accept: Callable[[str], bool]) -> Callable[[Sequence[str], int, str], list[Found]]:
    return lambda tokens, at, rest: _placed(at, rest, expression.match(rest), "code", accept)


def _is_http_or_none(text: str) -> bool:
    return text == "-1" or is_http(text)


_RULES: dict[str, Callable[[Sequence[str], int, str], list[Found]]] = {
    "b": _by(_REST_OF_BAR, is_http),
    "d": _at_dsn,
    "h": _by(_REST_OF_HTTP, is_http),
    "k": _after_key,
    "l": _after_level,
    "m": _by(_REST_OF_METHOD, is_http),
    "n": _at_number,
    "p": _at_phrase,
    "q": _by(_REST_OF_QUOTE, is_http),
    "s": _after_server,
    "t": _by(_REST_OF_TIMERS, _is_http_or_none),
    "v": _after_verb,
    "w": _by(_REST_OF_KEY, lambda text: is_short(text, 3)),
}
