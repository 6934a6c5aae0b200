"""Values that are hidden for the name before them: `password=…`, `"apiKey": "…"`, `--token …`, `<secret>…</secret>`."""

from __future__ import annotations

import re
from collections.abc import Callable

from fusionlog.utils.redaction.grammar import (
    KEY,
    QUOTE,
    VALUE,
    content,
    holds_placeholder,
    is_opaque,
    word_set,
    words_of,
)

_SECRETS = word_set(
    "password passwords passwd passwort kennwort passcode passphrase pwd pass pw passw psw secret token "
    "credential credentials cookie jwt apikey apitoken accesskey accesstoken authtoken secretkey privatekey "
    "refreshtoken idtoken sessiontoken dbpass dbpassword userpass userpassword rootpassword mypassword "
    "sessionid jsessionid phpsessid sessid aspsessionid csrftoken xsrftoken csrf xsrf psk keypass storepass "
    "clientsecret accountkey sharedaccesskey contraseña contrasena senha mdp hasło haslo lösenord losenord "
    "wachtwoord şifre sifre parola heslo salasana adgangskode jelszó пароль пароля "
    "密码 密碼 口令 パスワード 비밀번호 トークン 令牌"
)
# Ends of names that are written in one piece: `PGPASSWORD`, `mytoken`.
_SUFFIXES = tuple(word_set("password passwd passphrase passwort kennwort secret token apikey secretkey accesskey"))
_KINDS_OF_KEY = word_set(
    "api access private secret signing encryption account shared master subscription storage deploy consumer hmac "
    "symmetric"
)
_SECRET_ENDINGS = frozenset(
    [(kind, "key") for kind in _KINDS_OF_KEY]
    + [("session", "id"), ("set", "cookie"), ("auth", "code"), ("pass", "word"), ("pass", "phrase"), ("sess", "id")]
)
_CODES = word_set("pin otp totp cvv cvc cvv2 cvc2 passcode tan mfa")
# Names whose value is a secret only where it looks like one.
_WEAK = word_set("auth key sig signature sid session bearer nonce sas ticket hmac apisecret webhook")
_IN_QUERY = word_set("code state")
_TRAILING = word_set("value base raw b64 base64 plain plaintext string text old new current hex 1 2 3")

# What may follow `password: ` without being one. A line that states a fact loses its meaning without the word.
_STATES = word_set(
    "incorrect invalid expired failed failure missing required rejected denied refused wrong empty mismatch "
    "mismatched not no is was has cannot could unable none null changed accepted ok okay valid revoked reset "
    "unknown updated error authentication for from too success successful true false must should does did will "
    "cannot may can set unset disabled enabled found created deleted rotated renewed in on at to of and or "
    "with the a an"
)
_CONSTANTS = word_set("true false null none nil undefined yes no on off n/a string str bytes")
_MASKED = re.compile(
    r"[*x.•#_-]+|\$\{?[A-Za-z_]\w*\}?|%\(?\w*\)?s|\[?(?:redacted|filtered|hidden|masked)\]?", re.IGNORECASE
)
_COUNTED = word_set("token pass secret cookie credential credentials csrf xsrf")
_WORD = re.compile(r"\w*")

_FLAG = re.compile(rf"(?<![\w-])--?(?P<key>[A-Za-z][\w-]{{0,60}})(?:[ \t]+|{QUOTE}\s{{0,3}},\s{{0,3}})(?![-<])")

_OPEN, _CLOSE = r"(?:<|&lt;)", r"(?:>|&gt;)"
_ELEMENT = re.compile(
    rf"(?P<before>{_OPEN}(?:[\w-]{{1,40}}:)?(?P<key>[^\W\d_][\w.-]{{0,80}})(?:\s[^<>\n]{{0,200}}?)?{_CLOSE})"
    r"(?P<value>(?:(?!&lt;)[^<\n])+)(?=</|&lt;/)"
)
_NAMED_ELEMENT = re.compile(
    rf"(?P<before>\b(?:name|key"
    rf"|id)\s?=\s?{QUOTE}(?P<key>[\w.-]{{1,80}}){QUOTE}(?:[^<>\n]{{0,80}}?\bvalue\s?=\s?(?={QUOTE})|\s?{_CLOSE}))"
    rf"(?P<value>{QUOTE}(?:(?!{QUOTE})[^<>\n])*{QUOTE}|[^<>&\n\"']+(?=</|&lt;/))"
)

LOOKED_AT = 256
"""Characters of a value by which it is decided: looking at all of each would take quadratic time on some lines."""


def hide_keyed(text: str) -> str:
    """The text with the values of secret names replaced."""
    return _after(_FLAG, _after(KEY, _hide_elements(text), _is_secret), _is_flagged)


def is_secret_name(name: str) -> bool:
    """Whether the value of a name is a secret whatever it looks like."""
    words = _stem(words_of(name))
    return bool(words) and (_names_secret(words) or words[-1] in _CODES)


def _names_secret(words: tuple[str, ...]) -> bool:
    return words[-1] in _SECRETS or words[-2:] in _SECRET_ENDINGS or words[-1].endswith(_SUFFIXES)


def _stem(words: tuple[str, ...]) -> tuple[str, ...]:
    while len(words) > 1 and words[-1] in _TRAILING:
        words = words[:-1]
    return words


def _after(pattern: re.Pattern[str], text: str, hidden: Callable[[re.Match[str], re.Match[str]], bool]) -> str:
    """The text with the value after each match of the pattern replaced where it is to be hidden."""
    parts: list[str] = []
    done = place = 0
    while found := pattern.search(text, place):
        place = found.end()
        value = VALUE.match(text, place, place + LOOKED_AT)
        if value is not None and hidden(found, value):
            value = VALUE.match(text, place) or value
            parts += (text[done:place], "<SECRET>")
            done = place = value.end()
    return "".join((*parts, text[done:])) if parts else text


def _is_secret(found: re.Match[str], value: re.Match[str]) -> bool:
    inside, words = content(value), _stem(words_of(found["key"]))
    if not words or not inside or _MASKED.fullmatch(inside):
        return False
    if inside.lower() in _CONSTANTS or inside.lower() == found["key"].lower():
        return False
    last = words[-1]
    if last in _CODES:
        return inside.isdigit() and 3 <= len(inside) <= 12
    if _names_secret(words):
        return not (_is_statement(found["sign"], value) or (last in _COUNTED and inside.isdigit() and len(inside) < 6))
    in_query = last in _IN_QUERY and found.start() > 0 and found.string[found.start() - 1] in "?&"
    return (last in _WEAK or in_query) and _looks_secret(inside, last == "key")


def _is_statement(sign: str, value: re.Match[str]) -> bool:
    """Whether a value after a colon begins a sentence on the secret: `password: incorrect`."""
    first = _WORD.match(value["bare"] or "")
    return (":" in sign or "->" in sign) and first is not None and first[0].lower() in _STATES


def _looks_secret(text: str, mixed: bool) -> bool:
    """Whether the value of a name that often stands for other things looks random, or is a login.

    :param mixed: it must have letters of both cases, too.
    """
    user, colon, password = text.partition(":")
    login = colon and user.isidentifier() and len(password) >= 5 and not password.startswith("/")
    return (is_opaque(text) and not (mixed and text.lower() == text)) or bool(login and not mixed)


def _is_flagged(found: re.Match[str], value: re.Match[str]) -> bool:
    first = (value["bare"] or "").rstrip(".:").lower()
    return is_secret_name(found["key"]) and first not in _STATES


def _hide_elements(text: str) -> str:
    if ("<" not in text and "&lt;" not in text) or "/" not in text:
        return text
    return _NAMED_ELEMENT.sub(_element, _ELEMENT.sub(_element, text))


def _element(found: re.Match[str]) -> str:
    value = found["value"].strip("\"' ")
    hidden = is_secret_name(found["key"]) and value and value.lower() not in _CONSTANTS and not _MASKED.fullmatch(value)
    return f"{found['before']}<SECRET>" if hidden and not holds_placeholder(value) else found[0]
