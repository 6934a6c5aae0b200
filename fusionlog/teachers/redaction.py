"""Redaction: secrets and personal data in a log line are replaced before it is sent to a language model.

Placeholders stand in angle brackets. Constant words stay, so that a line still shows what happened: `password=hunter2`
becomes `password=<SECRET>`, but `Failed password for root` and `password: incorrect` are kept as they are.
UUIDs and short identifiers stay too: they name things, they open nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_address

_KEYS = (
    r"pass(?:word|wd|phrase|code)?|pwd|secret|(?:api|access|private|secret|signing|encryption)[_-]?key|credentials?"
    r"|(?:client|shared)[_-]?secret|(?:auth|access|refresh|id|session|csrf|bearer|api)?[_-]?token|set-cookie|cookie"
    r"|session[_-]?id"
)
# What may follow `password: ` without being one. A line that states a fact loses its meaning without the word.
_STATES = (
    "incorrect|invalid|expired|failed|failure|missing|required|rejected|denied|refused|wrong|empty|mismatch(?:ed)?|not|no|is|"
    "was|has|cannot|could|unable|none|null|changed|accepted|ok|okay|valid|revoked|reset|unknown|updated|error|authentication|"
    "for|from|too|success(?:ful)?|true|false"
)
_VALUE = r"(?:\"[^\"\n]*\"?|'[^'\n]*'?|[^\s\"',;&)}\]]+)"
_SECRET_VALUE = re.compile(
    rf"(?P<key>(?<![A-Za-z0-9])(?:[A-Za-z0-9]{{1,32}}[_.-]){{0,3}}(?:{_KEYS})[\"']?)"
    rf"(?P<sign>\s{{0,3}}(?:=>|:=|=(?!>))\s{{0,3}}|\s{{0,3}}:\s{{0,3}}(?!(?:{_STATES})\b)|(?<=[\"'])\s{{0,3}}:\s{{0,3}})"
    rf"(?!<[A-Z-]+>)(?:(?:bearer|basic)\s+)?{_VALUE}",
    re.IGNORECASE,
)
_FLAG = re.compile(rf"(?P<key>(?<!\S)--?(?:[a-z0-9]{{1,32}}-){{0,3}}(?:{_KEYS}))\s+(?![<-]){_VALUE}", re.IGNORECASE)
_AUTHORIZATION = re.compile(
    r"(?P<key>\b(?:proxy-)?authorization[\"']?\s{0,3}[:=]\s{0,3}[\"']?)(?!<)"
    r"(?:(?P<scheme>bearer|basic|digest|token|negotiate)\s+(?!<)[^\s\"',;]+|(?![a-z]{1,16}\b)[^\s\"',;]+)",
    re.IGNORECASE,
)
_COOKIE = re.compile(
    r"(?P<key>\b(?:set-)?cookie[\"']?\s{0,3}:\s{0,3}[\"']?)(?=[^\s=;\"']{1,100}=)[^\"'\n]+", re.IGNORECASE
)
# A word after `bearer` is a token only when it looks like one: telephone networks have bearers too.
_BEARER = re.compile(
    r"\b(?P<scheme>bearer|basic)\s+(?=[\w.~+/=-]{0,200}\d|[\w.~+/=-]{20})[\w.~+/=-]{8,}", re.IGNORECASE
)
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|\Z)", re.DOTALL
)
_URL_LOGIN = re.compile(r"(?<=://)[^\s/:@<>]{1,128}:[^\s/@<>]{1,256}(?=@)|(?<=://)[^\s/:@<>]{1,256}(?=@)")
_JWT = re.compile(r"\beyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)?")
_KNOWN_TOKEN = re.compile(
    r"(?<![\w-])(?:sk-[\w-]{16,}|(?:sk|pk|rk)_(?:live|test)_\w{16,}|gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}"
    r"|xox[abprs]-[\w-]{10,}|(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[\w-]{30,}|hf_[A-Za-z0-9]{20,}|ya29\.[\w-]{20,})"
)
# Thirty-two characters with lower case, upper case and three digits: no word of a log looks so.
_OPAQUE = re.compile(
    r"(?<![\w+=.$/-])(?=[\w+-]*?[a-z])(?=[\w+-]*?[A-Z])(?=(?:[A-Za-z_+-]*[0-9]){3})[A-Za-z0-9_+-]{32,}={0,2}(?![\w.$/])"
)
_LONG_HEX = re.compile(r"(?<![\w-])(?:0x)?(?=[0-9A-Fa-f]*[0-9])(?=[0-9A-Fa-f]*[A-Fa-f])[0-9A-Fa-f]{32,}(?![\w-])")
_EMAIL = re.compile(r"(?<![\w.+%-])[\w.+%-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}\b")
_IPV4 = re.compile(r"(?<![\w.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\w]|\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])(?=[0-9A-Fa-f:]{0,38}[0-9])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])")
_CARD = re.compile(r"(?<![\w.-])(?:[3-6]\d{3}|2[2-7]\d{2})(?:[ -]?\d){9,15}(?![\w-])")


def redact(text: str) -> str:
    """The text without secrets, e-mail addresses, IP addresses and card numbers. Redacting twice changes nothing."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


def _ipv6(match: re.Match[str]) -> str:
    """`12:34:56` and `a::b` of C++ have colons too: an address it is when the standard library reads one."""
    try:
        ip_address(match[0])
    except ValueError:
        return match[0]
    return "<IP>"


def _card(match: re.Match[str]) -> str:
    """Only what passes the check digit of ISO/IEC 7812 (Luhn)."""
    digits = [int(character) for character in match[0] if character.isdigit()]
    doubled = [2 * digit - 9 * (digit > 4) if place % 2 else digit for place, digit in enumerate(reversed(digits))]
    return "<CARD>" if len(digits) <= 19 and sum(doubled) % 10 == 0 else match[0]


def _scheme(match: re.Match[str]) -> str:
    scheme = match["scheme"]
    return f"{match['key']}{scheme + ' ' if scheme else ''}<TOKEN>"


_RULES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (_PRIVATE_KEY, "<PRIVATE-KEY>"),
    (_URL_LOGIN, "<LOGIN>"),
    (_AUTHORIZATION, _scheme),
    (_COOKIE, r"\g<key><SECRET>"),
    (_SECRET_VALUE, r"\g<key>\g<sign><SECRET>"),
    (_FLAG, r"\g<key> <SECRET>"),
    (_BEARER, r"\g<scheme> <TOKEN>"),
    (_JWT, "<TOKEN>"),
    (_KNOWN_TOKEN, "<TOKEN>"),
    (_LONG_HEX, "<HEX>"),
    (_OPAQUE, "<TOKEN>"),
    (_EMAIL, "<EMAIL>"),
    (_IPV4, "<IP>"),
    (_IPV6, _ipv6),
    (_CARD, _card),
)
