"""Codes: the numbers of a line that decide what it means, found by what stands around them.

| kind | examples |
|---|---|
| a key, in any spelling | `status=502`, `"status_code": 502`, `exit_code=137`, `rc=1`, `errno: 13`, `dsn=4.4.1` |
| a noun | `exit code 137`, `status 502`, `error 1064`, `signal 9`, `SQLSTATE 23505`, `HTTP 502`, `[Errno 13]` |
| a verb | `returned 3`, `exited with 1`, `responded with 503`, `Exited (137)` |
| a column of an access log | `"GET / HTTP/1.1" 502 17`, `GET /x 502`, `0/0/1/2/3 502 612`, `TCP_MISS/502` |
| what follows | `502 Bad Gateway`, `550 5.1.1`, `(13: Permission denied)` |
| a name | `SIGKILL`, `ECONNREFUSED`, `ORA-00942` |

Each code is an event of its own, so codes are few: three digits, or four to ten where the kind has them (`error 1064`,
`close code 1006`, `0x80070005`). `country_code=49`, `returned 3 rows`, `status: 45%` and `code 123456` are none.

Codes are found in blank-separated tokens: within one, or across some. Which places are *candidates* does not depend on
any digit of the line; which candidates are codes depends on their own text alone. The line cache rests on that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

MAX_AHEAD = 5
"""Tokens behind one that opens a context: its code is among them."""


class Candidate(NamedTuple):
    """A place in a token that may have a code: its core (key and code), the code, and whether it is one."""

    start: int
    stop: int
    code: int
    code_stop: int
    accepted: bool


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


Found = tuple[int, Candidate]
"""The number of a token, and a place in it."""

_NUMBER = "-?[0-9]{10}|-?[0-9]{1,5}|0[xX][0-9A-Fa-f]{1,8}"
_DSN = r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}"
_GRPC = (
    "OK|Cancell?ed|Unknown|InvalidArgument|DeadlineExceeded|NotFound|AlreadyExists|PermissionDenied|ResourceExhausted|"
    "FailedPrecondition|Aborted|OutOfRange|Unimplemented|Internal|Unavailable|DataLoss|Unauthenticated"
)
_END = r"(?![0-9A-Za-z_%]|/(?![A-Z]{2})|[.:-][0-9])"
_SQLSTATE = "(?=[A-Z]*[0-9])[0-9A-Z]{5}(?![0-9A-Za-z])"
_OPENED = r"[\"'`\\(\[{<]{0,4}"
_CLOSING = "\"'`\\)]"
_CLOSED = r"[\"'`\\)\]]{0,4}"
_IS = "(?:=>|:=|==|[=:>])"
_KEYS = (
    "status|code|kod|codigo|código|errno|err|error|fehler|sqlcode|signal|sig|dsn|exit|rc|ret|retval|rv|reason|result|"
    "exitvalue|werror|winerror|number"
)
_STATES = "sqlstate|sql_state|sql_state_code|sqlerrcode|state"

_SEPARATED = re.compile(rf"[=:>(\[][=>]?{_OPENED}(?=[0-9A-Z-])")
_CODE = re.compile(rf"(?:{_DSN}|{_NUMBER}|(?:{_GRPC})(?![A-Za-z])){_END}")
_REASON = re.compile("/[A-Z]{2,12}")
_STATE = re.compile(_SQLSTATE)
_LAST_KEY = re.compile(rf"(?:(?P<key>(?i:{_KEYS}))|(?P<state>(?i:{_STATES})))\Z")
_KEY_ENDS = (*_KEYS.split("|"), *_STATES.split("|"))
_KEY_LETTERS = frozenset(letter for each in _KEY_ENDS for letter in (each[-1], each[-1].upper()))
_SIGNALS = (
    "HUP|INT|QUIT|ILL|TRAP|ABRT|BUS|FPE|KILL|USR[0-9]|SEGV|PIPE|ALRM|TERM|CHLD|CONT|STOP|TSTP|TTIN|TTOU|XCPU|XFSZ|SYS"
)
_ERRNOS = (
    "PERM|NOENT|SRCH|INTR|IO|NXIO|BADF|CHILD|AGAIN|NOMEM|ACCES|FAULT|BUSY|EXIST|XDEV|NODEV|NOTDIR|ISDIR|INVAL|NFILE|"
    "MFILE|FBIG|NOSPC|SPIPE|ROFS|MLINK|PIPE|DEADLK|NAMETOOLONG|NOLCK|NOSYS|NOTEMPTY|LOOP|WOULDBLOCK|PROTO|OVERFLOW|"
    "NOTSOCK|MSGSIZE|OPNOTSUPP|ADDRINUSE|ADDRNOTAVAIL|NETDOWN|NETUNREACH|CONNABORTED|CONNRESET|NOBUFS|ISCONN|NOTCONN|"
    "TIMEDOUT|CONNREFUSED|HOSTDOWN|HOSTUNREACH|ALREADY|INPROGRESS|STALE|DQUOT|CANCELED|NOTSUP|AI_AGAIN|NOTFOUND"
)
_WIDE = (
    "状态码|狀態碼|错误码|錯誤碼|返回码|退出码|响应码|错误代码|状态代码|"
    "エラーコード|終了コード|ステータスコード|상태코드|오류코드"
)
_NAMED = re.compile(
    rf"(?<![A-Za-z0-9_])(?:SIG(?:{_SIGNALS})|E(?:{_ERRNOS})|(?:ORA|TNS|PLS|RMAN|CRS|MY|LDAP)-[0-9]{{2,6}})(?![A-Za-z0-9_])"
    rf"|(?:\A|(?<=[^A-Za-z0-9]))(?:TCP|UDP|NONE)[A-Z_]*/(?P<squid>[0-9]{{3}})(?![0-9A-Za-z])"
    rf"|(?:{_WIDE})[为是:：=＝]*(?P<wide>{_NUMBER}){_END}"
    rf"|\A\((?P<apache>[0-9]{{1,3}})\)(?=[A-Z][a-z])"
    rf"|(?:\A|(?<=[^A-Za-z0-9.]))(?P<reply>[0-9]{{3}})-{_DSN}(?![0-9A-Za-z.-])"
)

_UPPER = re.compile("[A-Z]{2}")
_REPLY = re.compile(r"[0-9]-[0-9]\.")

_CODE_OF = _words(
    "exit return returned result status error response reply reason close closing fault failure termination "
    "completion abort alert message disconnect upstream backend reject condition server exited fehler exception "
    "process command"
)
"""What the word before `code` may end with: of an identifier (`postal_code`) and of a sentence."""
_SHORT_CODE_OF = _words("ret err http https sql smtp rpc grpc rsp resp rc cond os api")
_BEFORE_CODE = _words(
    "with a an the by got and unexpected nonzero non-zero returns failed exits terminated ended finished "
    "completed closed aborted died quit received unhandled"
)
_NUMBERS_OF = _words("alert error signal errno exit status")
_BOUND = _words("code kod codigo código err error exit rc ret retval rv reason result sig signal dsn state")
"""Keys that are not the end of a longer word: `src` has no `rc`."""

_LONGER = frozenset(("error", "err", "errno", "sqlcode", "fehler", "werror", "winerror"))
"""Kinds with codes of four digits: `error 1064`, `errno 10054`."""
_LONGER_CODES = ("error", "err", "close", "sql", "reason", "fault", "event", "closing")


def in_token(token: str) -> Sequence[Candidate]:
    """The candidates within a token."""
    if len(token) < 4:
        return ()
    found = []
    for match in _SEPARATED.finditer(token):
        place = _keyed(token, match)
        if place is not None:
            found.append(place)
    if _UPPER.search(token) or not token.isascii() or token[0] == "(" or ("-" in token and _REPLY.search(token)):
        found += _named(token)
    return _apart(found) if len(found) > 1 else tuple(found)


def _named(token: str) -> list[Candidate]:
    """The candidates that need no key."""
    found = []
    for match in _NAMED.finditer(token):
        group = match.lastgroup
        first, last = match.span(group) if group else match.span()
        accepted = group != "squid" or _is_http(token[first:last])
        if group in ("wide", "reply"):
            accepted = _short(token[first:last], 3)
        found.append(Candidate(match.start(), match.end(), first, last, accepted))
    return found


def _keyed(token: str, match: re.Match[str]) -> Candidate | None:
    """The place of a code behind a key and a separator: `status` `=` `502`."""
    before = token[max(0, match.start() - 60) : match.start()].rstrip(_CLOSING)
    end = match.start() - len(token[max(0, match.start() - 60) : match.start()]) + len(before)
    found = _LAST_KEY.search(before) if before.lower().endswith(_KEY_ENDS) else None
    code = None if found is None else (_STATE if found["state"] else _CODE).match(token, match.end())
    if found is None or code is None:
        return None
    key, start = found[0].lower(), end - len(found[0])
    before = token[max(0, start - 40) : start]
    qualifier = _qualifier(before)
    if _is_part(key, before, token[start]) or key == "number" or (key == "code" and not _is_code(qualifier)):
        return None
    if key == "state" and qualifier != "sql":
        return None
    reason = _REASON.match(token, code.end())
    stop = reason.end() if reason else code.end()
    accepted = found["state"] is not None or _accepted(key, code[0], qualifier)
    return Candidate(start - _name_length(before), stop, *code.span(), accepted)


def _is_part(key: str, before: str, first: str) -> bool:
    """Whether a key is the end of a longer word: `rc` of `src`, not of `lastRc`."""
    last = before[-1:]
    return key in _BOUND and key != "code" and last.isalpha() and (last.isupper() or not first.isupper())


def _name_length(before: str) -> int:
    """The length of a key's name before its last word; 0 where it would hold an identifier."""
    name = _NAME.search(before)
    rest = before[: name.start()] if name else before
    return 0 if name is None or len(before) >= 40 or rest[-1:].isalnum() else len(name[0])


_NAME = re.compile(r"(?<![A-Za-z_.-])[A-Za-z_.-]+\Z")
_PART = re.compile(r"([A-Z]?[a-z0-9]+|[A-Z0-9]+)[_.-]?\Z")


def _qualifier(before: str) -> str:
    """The last part of a name before its last word: `exit` of `last_exit`, `lastExit.`."""
    found = _PART.search(before)
    return found[1].lower() if found else ""


def _is_code(qualifier: str) -> bool:
    if not qualifier or qualifier in _SHORT_CODE_OF:
        return True
    return qualifier in _CODE_OF or any(qualifier.endswith(each) for each in _CODE_OF if len(each) > 3)


def _accepted(key: str, text: str, qualifier: str = "") -> bool:
    """Whether the text of a candidate is a code of its kind."""
    if not text[-1].isdigit() and text[:1].isalpha():
        return key in ("code", "status")
    if "." in text:
        return key in ("dsn", "status", "code") and text[0] in "245"
    if key == "dsn":
        return False
    if key in ("signal", "sig"):
        return text.isdigit() and int(text) <= 64
    if key in _LONGER or (key in ("code", "number") and qualifier.endswith(_LONGER_CODES)):
        return _short(text, 4) or (len(text) == 5 and text.startswith("100"))
    if key == "code" and text.startswith("10") and len(text) == 4:
        return int(text) <= 1015
    return _short(text, 3)


def _short(text: str, digits: int) -> bool:
    """Whether a number has few digits, or is a status of Windows."""
    if text[:2] in ("0x", "0X"):
        return len(text) <= 6 or (len(text) == 10 and text[2:4].lower() in ("80", "c0"))
    if len(text) >= 10:
        return text.startswith(("-1073", "-2147", "322122"))
    return len(text.lstrip("-")) <= digits


def _is_http(text: str) -> bool:
    return text.isdigit() and len(text) == 3 and 100 <= int(text) <= 599 and text != "443"


def _is_reply(text: str) -> bool:
    return text[0] in "2345"


# What follows a token that opens a context, by kind.

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
    rf"{_LINK}{_OPENED}(?P<code>{_DSN}|{_NUMBER}|(?:{_GRPC})(?![A-Za-z])){_END}(?:/[A-Z]{{2,12}})?{_COUNTED}"
    rf"(?:\s+\((?P<five>{_SQLSTATE})\))?"
)
_REST_OF_STATE = re.compile(rf"{_LINK}{_OPENED}(?P<code>{_SQLSTATE})")
_REST_OF_VERB = re.compile(
    rf"(?:(?:with|code|status|by|:|=)\s+)*(?:\((?P<in>-?[0-9]{{1,3}})\)|{_OPENED}(?P<code>-?[0-9]{{1,3}}){_END}{_CLAUSE})"
)
_REST_OF_HTTP = re.compile(
    r"(?:(?i:status|error|code|response|returned|answered|:|=|is|was)[:=]?\s+)*[(\"'\[]*(?P<code>[0-9]{3})"
    rf"{_END}{_COUNTED}"
)
_REST_OF_QUOTE = re.compile(r"(?P<code>[0-9]{3}) (?:[0-9]+|-)(?!\S)")
_REST_OF_METHOD = re.compile(
    r"(?:\S*/\S*)(?: HTTP/[0-9.]+)?\"?(?: (?:->|=>|-|:|\|))? [\[(]?(?P<code>[0-9]{3})[\])]?,?(?!\S)"
)
_REST_OF_TIMERS = re.compile(r"(?P<code>-?[0-9]{1,3}) \+?[0-9]+(?!\S)")
_REST_OF_BAR = re.compile(r"(?P<code>[0-9]{3}) \|")
_REST_OF_SERVER = re.compile(rf"(?P<code>[0-9]{{3}})(?:[ -](?P<dsn>{_DSN})|[ -](?=[A-Za-z<]))")
_REST_OF_LEVEL = re.compile(rf"(?P<code>{_SQLSTATE}):")
_PHRASE = re.compile(
    r"(?:OK|Created|Accepted|No Content|Moved Permanently|Found|Not Modified|Temporary Redirect|Bad Request|"
    r"Unauthorized|Payment Required|Forbidden|Not Found|Method Not Allowed|Not Acceptable|Request Time-?[Oo]ut|"
    r"Conflict|Gone|Precondition Failed|Payload Too Large|Unsupported Media Type|Unprocessable|Too Many Requests|"
    r"Internal Server Error|Not Implemented|Bad Gateway|Service (?:Temporarily )?Unavailable|Gateway Time-?[Oo]ut)"
    r"(?![A-Za-z])"
)

_OPEN_KEY = re.compile(rf"(?:(?P<key>(?i:{_KEYS}))|(?P<state>(?i:{_STATES}))){_CLOSED}(?P<sep>{_IS}?){_OPENED}\Z")
_OPEN_WIDE = re.compile(rf"(?:{_WIDE})[为是:：=＝]*\Z")
_OPEN_HTTP = re.compile(r"(?:\A|[^A-Za-z0-9])(?i:HTTPS?)(?:/[0-9.]+)?[\"')\]:]*\Z")
_OPEN_METHOD = re.compile(r"\A[\"'\[]?(?:GET|HEAD|POST|PUT|DELETE|PATCH|OPTIONS|CONNECT|TRACE|PROPFIND|QUERY)\Z")
_OPEN_TIMERS = re.compile(r"\A-?[0-9]+(?:/[+-]?[0-9]+){4}\Z")
_IS_DSN = re.compile(rf"\A(?P<code>{_DSN})[:,;)]*\Z")
_IS_NUMBERED = re.compile(r"\A[(\[](?P<code>[0-9]{1,3}):\Z")
_IS_THREE = re.compile(r"\A[(\"'<\[]*(?P<code>[0-9]{3})[)\"'>\]]*\Z")

_RETURNS = _words("returned returns return exited exits exit")
_ENDS = _words("terminated died finished ended completed failed aborted quit closed")
_ANSWERS = _words("responded responds answered replied received got sent completed response responding")
_SERVERS = _words("said reply response me server replied answered")
_PHRASES = _words(
    "OK Created Accepted No Moved Found Not Temporary Bad Unauthorized Payment Forbidden Method Request Conflict Gone "
    "Precondition Payload Unsupported Unprocessable Too Internal Service Gateway"
)
_LEVELS = _words("ERROR FATAL PANIC WARNING NOTICE LOG")


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
    return kinds + "k" if token[0] != "/" and lower.endswith(_KEY_ENDS) and _OPEN_KEY.search(token) else kinds


def may_open_key(token: str) -> bool:
    """Whether a token may end with the key of a code in the next one."""
    bare = token.rstrip(_AROUND)
    return bare[-1:] in _KEY_LETTERS and bare.lower().endswith(_KEY_ENDS)


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
_METHODS = _words("GET HEAD POST PUT DELETE PATCH OPTIONS CONNECT TRACE PROPFIND QUERY")
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


_FILLERS = _words("is was are of equals value number with code status by error response returned answered")
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
    qualifier = _qualifier(before) if joined else _word(last)
    if _is_part(key, before, token[start]):
        return []
    if opened["state"]:
        known = key != "state" or qualifier == "sql"
        return _placed(at, rest, _REST_OF_STATE.match(rest), "code", _any) if known else []
    if not opened["sep"] and not joined and key in ("result", "reason", "ret", "rv", "exit"):
        return []
    if key == "number" and (joined or qualifier not in _NUMBERS_OF):
        return []
    if key == "code" and not _is_code(qualifier) and (joined or not (qualifier in _BEFORE_CODE or _ends(last))):
        return []
    match = _REST_OF_KEY.match(rest)
    if match is None or (key in _LOOSE and opened["sep"] == ":" and not _stands_alone(match, rest)):
        return []
    if match["code"][:1].isalpha() and (key not in ("code", "status") or not _has_link(opened, rest)):
        return []
    found = _placed(at, rest, match, "code", lambda text: _accepted(key, text, qualifier))
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
        return _placed(at, rest, match, group, lambda text: _short(text, 3))
    if word in _ANSWERS:
        return _placed(at, rest, match, group, _is_http)
    linked = rest.startswith(("with", "code", "status"))
    return _placed(at, rest, match, group, _any if linked else _is_negative)


def _is_negative(text: str) -> bool:
    return text[0] == "-"


def _after_level(tokens: Sequence[str], at: int, rest: str) -> list[Found]:
    return _placed(at, rest, _REST_OF_LEVEL.match(rest), "code", _any)


def _after_server(tokens: Sequence[str], at: int, rest: str) -> list[Found]:
    match = _REST_OF_SERVER.match(rest)
    return _placed(at, rest, match, "code", _is_reply) + _placed(at, rest, match, "dsn", _is_enhanced)


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
    return [(at - 1, _whole(code, _is_http(code["code"])))]


def _at_number(tokens: Sequence[str], at: int, rest: str) -> list[Found]:
    """`(13: Permission denied)`."""
    code = _IS_NUMBERED.match(tokens[at])
    return [(at, _whole(code, True))] if code is not None and rest[:1].isupper() else []


def _whole(match: re.Match[str], accepted: bool) -> Candidate:
    return Candidate(*match.span("code"), *match.span("code"), accepted)


def _by(expression: re.Pattern[str], accept: Callable[[str], bool]) -> Callable[[Sequence[str], int, str], list[Found]]:
    return lambda tokens, at, rest: _placed(at, rest, expression.match(rest), "code", accept)


def _is_http_or_none(text: str) -> bool:
    return text == "-1" or _is_http(text)


_RULES: dict[str, Callable[[Sequence[str], int, str], list[Found]]] = {
    "b": _by(_REST_OF_BAR, _is_http),
    "d": _at_dsn,
    "h": _by(_REST_OF_HTTP, _is_http),
    "k": _after_key,
    "l": _after_level,
    "m": _by(_REST_OF_METHOD, _is_http),
    "n": _at_number,
    "p": _at_phrase,
    "q": _by(_REST_OF_QUOTE, _is_http),
    "s": _after_server,
    "t": _by(_REST_OF_TIMERS, _is_http_or_none),
    "v": _after_verb,
    "w": _by(_REST_OF_KEY, lambda text: _short(text, 3)),
}


def _apart(found: list[Candidate]) -> list[Candidate]:
    """The candidates in order, without those that overlap an earlier one."""
    kept: list[Candidate] = []
    for each in sorted(found, key=lambda each: (each.start, not each.accepted, each.stop)):
        if not kept or each.start >= kept[-1].stop:
            kept.append(each)
    return kept


def merged(found: Sequence[Candidate], more: Sequence[Candidate]) -> list[Candidate]:
    """The candidates of a token by itself and by its context."""
    return _apart([*found, *more]) if more else list(found)


def is_code_name(name: str) -> bool:
    """Whether the value of a field or key of this name is a code: `status`, `exitCode`, `http.response.status_code`."""
    return any(each.accepted for text in (f"{name}=200", f"{name}=23505", f"{name}=2.0.0") for each in in_token(text))
