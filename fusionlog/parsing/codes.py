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
from collections.abc import Sequence
from typing import NamedTuple

from fusionlog.parsing.code_words import (
    CLOSING,
    DSN,
    END,
    GRPC,
    KEY_ENDS,
    KEYS,
    NUMBER,
    OPENED,
    SQLSTATE,
    STATES,
    WIDE,
    is_accepted,
    is_http,
    is_part,
    is_short,
    may_qualify,
    qualifier_of,
)


class Candidate(NamedTuple):
    """A place in a token that may have a code: its core (key and code), the code, and whether it is one."""

    start: int
    stop: int
    code: int
    code_stop: int
    accepted: bool


_SEPARATED = re.compile(rf"[=:>(\[][=>]?{OPENED}(?=[0-9A-Z-])")
_CODE = re.compile(rf"(?:{DSN}|{NUMBER}|(?:{GRPC})(?![A-Za-z])){END}")
_REASON = re.compile("/[A-Z]{2,12}")
_STATE = re.compile(SQLSTATE)
_LAST_KEY = re.compile(rf"(?:(?P<key>(?i:{KEYS}))|(?P<state>(?i:{STATES})))\Z")
_SIGNALS = (
    "HUP|INT|QUIT|ILL|TRAP|ABRT|BUS|FPE|KILL|USR[0-9]|SEGV|PIPE|ALRM|TERM|CHLD|CONT|STOP|TSTP|TTIN|TTOU|XCPU|XFSZ|SYS"
)
_ERRNOS = (
    "PERM|NOENT|SRCH|INTR|IO|NXIO|BADF|CHILD|AGAIN|NOMEM|ACCES|FAULT|BUSY|EXIST|XDEV|NODEV|NOTDIR|ISDIR|INVAL|NFILE|"
    "MFILE|FBIG|NOSPC|SPIPE|ROFS|MLINK|PIPE|DEADLK|NAMETOOLONG|NOLCK|NOSYS|NOTEMPTY|LOOP|WOULDBLOCK|PROTO|OVERFLOW|"
    "NOTSOCK|MSGSIZE|OPNOTSUPP|ADDRINUSE|ADDRNOTAVAIL|NETDOWN|NETUNREACH|CONNABORTED|CONNRESET|NOBUFS|ISCONN|NOTCONN|"
    "TIMEDOUT|CONNREFUSED|HOSTDOWN|HOSTUNREACH|ALREADY|INPROGRESS|STALE|DQUOT|CANCELED|NOTSUP|AI_AGAIN|NOTFOUND"
)
_NAMED = re.compile(
    rf"(?<![A-Za-z0-9_])(?:SIG(?:{_SIGNALS})|E(?:{_ERRNOS})|(?:ORA|TNS|PLS|RMAN|CRS|MY|LDAP)-[0-9]{{2,6}})(?![A-Za-z0-9_])"
    rf"|(?:\A|(?<=[^A-Za-z0-9]))(?:TCP|UDP|NONE)[A-Z_]*/(?P<squid>[0-9]{{3}})(?![0-9A-Za-z])"
    rf"|(?:{WIDE})[为是:：=＝]*(?P<wide>{NUMBER}){END}"
    rf"|\A\((?P<apache>[0-9]{{1,3}})\)(?=[A-Z][a-z])"
    rf"|(?:\A|(?<=[^A-Za-z0-9.]))(?P<reply>[0-9]{{3}})-{DSN}(?![0-9A-Za-z.-])"
)

_UPPER = re.compile("[A-Z]{2}")
_REPLY = re.compile(r"[0-9]-[0-9]\.")
_NAME = re.compile(r"(?<![A-Za-z_.-])[A-Za-z_.-]+\Z")


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
        accepted = group != "squid" or is_http(token[first:last])
        if group in ("wide", "reply"):
            accepted = is_short(token[first:last], 3)
        found.append(Candidate(match.start(), match.end(), first, last, accepted))
    return found


def _keyed(token: str, match: re.Match[str]) -> Candidate | None:
    """The place of a code behind a key and a separator: `status` `=` `502`."""
    before = token[max(0, match.start() - 60) : match.start()].rstrip(CLOSING)
    end = match.start() - len(token[max(0, match.start() - 60) : match.start()]) + len(before)
    found = _LAST_KEY.search(before) if before.lower().endswith(KEY_ENDS) else None
    code = None if found is None else (_STATE if found["state"] else _CODE).match(token, match.end())
    if found is None or code is None:
        return None
    key, start = found[0].lower(), end - len(found[0])
    before = token[max(0, start - 40) : start]
    qualifier = qualifier_of(before)
    if is_part(key, before, token[start]) or key == "number" or (key == "code" and not may_qualify(qualifier)):
        return None
    if key == "state" and qualifier != "sql":
        return None
    reason = _REASON.match(token, code.end())
    stop = reason.end() if reason else code.end()
    accepted = found["state"] is not None or is_accepted(key, code[0], qualifier)
    return Candidate(start - _name_length(before), stop, *code.span(), accepted)


def _name_length(before: str) -> int:
    """The length of a key's name before its last word; 0 where it would hold an identifier."""
    name = _NAME.search(before)
    rest = before[: name.start()] if name else before
    return 0 if name is None or len(before) >= 40 or rest[-1:].isalnum() else len(name[0])


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
