"""Names of hosts and of users in a text: by the key or the words before them, and by their form.

Names that everybody has (`localhost`, `127.0.0.1`, `example.com`, `root`) are none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from ipaddress import ip_address
from typing import Literal, NamedTuple

from fusionlog.utils.redaction.grammar import KEY, QUOTE, VALUE, content, word_set, words_of
from fusionlog.utils.redaction.personal import EMAIL, IPV4, IPV6, is_ipv6

REMEMBERED = 4_000
"""Texts whose names are cached: those of some calls."""

LONGEST = 300
"""Characters in which a name and its quotes lie."""

NameKind = Literal["host", "user"]


class Name(NamedTuple):
    """A name in a text, from `start` to `end`."""

    start: int
    end: int
    kind: NameKind


_PUBLIC_USERS = word_set(
    "root nobody daemon anonymous anyone everyone system guest admin administrator superuser user users "
    "unknown postgres mysql www-data nginx apache sshd sync mail cron service local"
)
_PUBLIC_HOSTS = word_set("localhost localdomain loopback host server node client unknown any all self local")
_PUBLIC_DOMAINS = word_set("localhost localdomain example example.com example.org example.net invalid test")

_USER_KEYS = word_set(
    "user username usr login logname loginname logonname ruser acct account accountname owner principal uid "
    "userid samaccountname role author operator assignee nick member benutzer benutzername utilisateur usuario "
    "utente"
)
_HOST_KEYS = word_set(
    "host hostname node nodename server servername machine computer computername rhost fqdn broker upstream"
)
_PAIRS: dict[tuple[str, str], NameKind] = {
    ("user", "name"): "user", ("login", "name"): "user", ("account", "name"): "user", ("logon", "name"): "user",
    ("host", "name"): "host", ("node", "name"): "host", ("server", "name"): "host", ("computer", "name"): "host",
}  # fmt: skip
# Words that stand where a name could, and are none.
_NO_NAMES = word_set(
    "not no is was has had are been be none null nil true false yes invalid incorrect failed failure error "
    "unknown undefined missing required denied refused rejected expired locked disabled enabled found exists "
    "name names id ids data account accounts process session sessions agent agents request requests input "
    "space mode count list profile password login logout and or for from to in on at by with without the this "
    "that all any each every other another new old added removed deleted created updated unreachable down up "
    "offline online lost closed ok default empty limit table tables type key keys error errors group"
)

_USER = r"[^\W\d_][\w.+$-]{0,63}(?<![.$-])"
_HOST = r"[A-Za-z0-9](?:[\w.-]{0,251}[A-Za-z0-9])?"
_LABELS = r"(?:[A-Za-z0-9_](?:[\w-]{0,61}[A-Za-z0-9])?\.)"
_DOMAINS = (
    "com|org|edu|gov|mil|int|biz|cloud|local|internal|intern|lan|corp|home|intranet|localdomain|private|arpa|cluster"
    "|de|uk|fr|nl|se"
    "|fi|dk|es|ch|be|ie|cz|ru|ua|jp|cn|kr|au|nz|br|mx|ca|us|eu|tr|gr|hu|ro|il|za|sg|hk|tw"
)
_DEEP_DOMAINS = (
    "net|io|co|ai|app|dev|it|at|no|pt|pl|in|me|tv|info|name|tech|online|site|shop|xyz|company|systems|network"
)
_ISO = r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:[.,]\d{1,9})?(?:Z|[+-]\d{2}:?\d{2})?"
_BSD = r"[A-Z][a-z]{2}\s{1,2}\d{1,2}\s(?:\d{4}\s)?\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?"

_FORMS = (
    # Headers of syslog.
    re.compile(rf"\A\s?(?:<\d{{1,3}}>)?(?:{_BSD}|{_ISO})\s(?P<host>{_HOST})\s[\w./()-]{{1,100}}(?:\[\d{{1,10}}\])?:"),
    re.compile(rf"\A<\d{{1,3}}>\d\s{_ISO}\s(?P<host>{_HOST})\s"),
    # Addresses.
    re.compile(rf"(?<![\w.+%-])(?P<user>[a-z_][a-z0-9_.-]{{0,63}})@(?![0-9a-f]{{1,40}}\b"
    rf"|sha\d)(?P<host>{_HOST})(?!\w)"),
    re.compile(rf"://(?:[^\s/@]{{1,200}}@)?(?P<host>{_HOST})(?=[:/?#\s\"',;)]|\Z)"),
    re.compile(r"(?<![\w.-])(?P<host>ip-\d{1,3}(?:-\d{1,3}){3}(?:\.[\w-]{1,63}){0,6})(?![\w-])"),
    re.compile(rf"(?<![\w.-])(?P<host>{_LABELS}{{1,8}}(?i:{_DOMAINS})|{_LABELS}{{2,8}}(?i:{_DEEP_DOMAINS}))(?![\w-]"
    rf"|\.\w|\()"),
    # Sentences on users.
    re.compile(rf"\b(?:for|by|of|from|as|to|invalid|unknown|illegal)\s(?:invalid\s"
    rf"|illegal\s)?user\s(?:{QUOTE})?(?P<user>{_USER})"),
    re.compile(r"(?i:\b(?:user|username|role|account|owner"
    r"|principal)\s)(?P<quote>[\"'`])(?P<user>[^\"'`\n]{1,64})(?P=quote)"),
    re.compile(
        rf"\b(?:password|publickey|none|hostbased|gssapi\S{{0,20}}"
        rf"|keyboard-interactive\S{{0,5}})\sfor\s(?P<user>{_USER})\sfrom\b"
    ),
    re.compile(rf"(?i:\b(?:logged|signed)[ -]?(?:in|on|out|off)\s(?:as|by)\s|\b(?:login|logon)\s(?:by|of"
    rf"|as)\s)(?P<user>{_USER})"),
    re.compile(
        rf"(?i:\buser\s)(?P<user>{_USER})(?=\s\(|\s(?:logged|signed|connected|disconnected|authenticated|has|is|was"
        rf"|failed"
        rf"|tried|created"
        r"|deleted|changed|requested|does)\b)"
    ),
    re.compile(rf"\bsudo:\s{{1,8}}(?P<user>{_USER})\s:\s"),
    re.compile(rf"\bsu(?:\[\d{{1,10}}\])?:\s(?:\(to\s\S{{1,64}}\)\s|FAILED SU \(to \S{{1,64}}\)"
    rf" )(?P<user>{_USER})\son\b"),
    re.compile(r"(?<![\w.])/(?:home|Users)/(?P<user>[\w.-]{1,64})(?=[/\s\"':,;)]|\Z)"),
    re.compile(r"(?i:\b[A-Z]:\\{1,4}Users\\{1,4})(?P<user>[^\\/\s\"':]{1,64})"),
    re.compile(rf"(?i:\b(?:user|logon|login|account|as|by|for)\s)[A-Z][A-Z0-9-]{{1,14}}\\{{1,2}}(?P<user>{_USER})"),
    re.compile(r"\b(?:cn|CN|uid|UID)=(?P<user>[^,=\n]{1,64})(?=,\s?(?:ou|OU|dc|DC|cn|CN|o|O)=)"),
    # Sentences on hosts.
    re.compile(r"(?<![\w\\:])\\{2}(?P<host>[A-Za-z][\w-]{1,62})(?=\\\w)"),
    re.compile(rf"(?i:\b(?:from|to|on|with|by|via|of|at)\s(?:the\s)?(?:host|node|server|machine"
    rf"|broker)\s)(?P<host>(?=[\w.-]{{0,60}}[\d.-]){_HOST})"),
    re.compile(rf"(?i:\bhost\s)(?:{QUOTE})?(?P<host>(?=[\w.-]{{0,60}}[\d.-]){_HOST})"),
)  # fmt: skip
_LOGIN_NAME = re.compile(r"(?:[A-Za-z][\w-]{0,62}\\{1,4})?(?P<user>[^\W_][\w.+$ -]{0,63})\Z")
_HOST_NAME = re.compile(rf"/?(?P<host>{_HOST})(?::\d{{1,5}})?\Z")


@lru_cache(REMEMBERED)
def names_in(text: str) -> tuple[Name, ...]:
    """The names in a text, in their order; none overlaps another."""
    found: list[Name] = []
    for name in sorted(set(_candidates(text)), key=lambda each: (each.start, -each.end)):
        if (not found or name.start >= found[-1].end) and not is_public(text[name.start : name.end], name.kind):
            found.append(name)
    return tuple(found)


def is_public(name: str, kind: NameKind) -> bool:
    """Whether a name is one that everybody has, or a word that is none."""
    lower = name.lower().rstrip(".")
    if kind == "user":
        return lower in _PUBLIC_USERS or lower in _NO_NAMES or (lower.isdigit() and len(lower) < 3)
    if lower in _PUBLIC_HOSTS or lower in _NO_NAMES or lower.isdigit():
        return True
    if any(lower == domain or lower.endswith(f".{domain}") for domain in _PUBLIC_DOMAINS):
        return True
    try:
        address = ip_address(lower)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _candidates(text: str) -> Iterator[Name]:
    for found in EMAIL.finditer(text):
        at = found.start() + max(found[0].find("@"), found[0].find("%40"))
        yield Name(found.start(), at, "user")
        yield Name(at + (1 if text[at] == "@" else 3), found.end(), "host")
    for pattern, is_one in ((IPV4, None), (IPV6, is_ipv6)):
        yield from (
            Name(*found.span(), "host") for found in pattern.finditer(text) if is_one is None or is_one(found[0])
        )
    for pattern in _FORMS:
        yield from (Name(*found.span(kind), kind) for found in pattern.finditer(text) for kind in _kinds(found))
    yield from _keyed(text)


def _kinds(found: re.Match[str]) -> Iterator[NameKind]:
    for kind in ("user", "host"):
        if found.groupdict().get(kind):
            yield kind


def _keyed(text: str) -> Iterator[Name]:
    """The values of keys for users and hosts."""
    place = 0
    while found := KEY.search(text, place):
        place = found.end()
        kind = _kind_of(found["key"])
        value = VALUE.match(text, place, place + LONGEST) if kind else None
        if kind and value:
            inside = content(value)
            start = value.start() + value[0].find(inside)
            name = (_LOGIN_NAME if kind == "user" else _HOST_NAME).match(inside)
            if name and (kind == "user" or _is_host(name[kind], found["sign"], value)):
                yield Name(start + name.start(kind), start + name.end(kind), kind)


def _kind_of(key: str) -> NameKind | None:
    words = words_of(key)
    if not words:
        return None
    if words[-1] in _USER_KEYS:
        return "user"
    return "host" if words[-1] in _HOST_KEYS else _PAIRS.get((words[-2], words[-1])) if len(words) > 1 else None


def _is_host(name: str, sign: str, value: re.Match[str]) -> bool:
    """Whether a value is a host's name: after a colon, and without quotes, only one with a digit, a dot or a hyphen."""
    return ":" not in sign or value["bare"] is None or any(each.isdigit() or each in ".-" for each in name)
