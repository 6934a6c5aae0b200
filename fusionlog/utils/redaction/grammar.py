"""The pieces that the expressions of the redaction share: placeholders, quotes, values, and names split into words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple

QUOTE = r"(?:\\{0,7}[\"'`]|\\{1,7}u00(?:22|27)|%2[27]|&(?:quot|apos|#3[49]);)"
"""A quotation mark: plain, escaped once or several times, or written as in a URL or in XML."""
SIGN = r"\s{0,3}(?:=>|->|:=|={1,2}(?!>)|:|%3[AD]|\\{1,7}u003[ad])\s{0,3}(?:\[\s?)?"
"""What stands between a name and its value."""

_BARE = r"(?:(?!\\+[\"'nrt]|%2[267C]|%7D|&(?:quot|apos|lt|#3[49]);)[^\s\"'`,;&)}\]])"
VALUE = re.compile(
    r"(?!<[A-Z][A-Z-]*>)(?:(?:u|b|r)?(?=[\"']))?"
    r"(?:(?P<plain>\"(?:\\.|[^\"\\\n])*\"?|'(?:\\.|[^'\\\n])*'?|`[^`\n]*`?)"
    rf"|(?P<quote>{QUOTE})(?:(?!(?P=quote))[^\n])*(?:(?P=quote))?"
    r"|(?P<braces>\{[^{}\s\"']{1,200}\})"
    rf"|(?P<bare>(?:(?:bearer|basic|token|apikey)\s+)?(?![\[{{(]){_BARE}+))",
    re.IGNORECASE,
)
"""A value: in quotes, which it need not close, in braces, or up to a blank or a mark that ends one."""
KEY = re.compile(
    r"(?:(?<![\w.-])-{0,2}|(?<=%2[27])|(?<=u002[27])|(?<=\\[nrt]))"
    rf"(?!u002[27])(?P<key>_{{0,2}}[^\W\d_][\w.-]{{0,99}})(?:{QUOTE})?\]?(?P<sign>{SIGN})"
)
"""A name with the sign after it."""
_PLACEHOLDER = re.compile(r"<[A-Z][A-Z-]*>")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[\W_]+|(?<=[a-z])(?=[0-9])")


class Rule(NamedTuple):
    """An expression, what replaces a match of it, and texts in lower case of which a line with a match has one."""

    pattern: re.Pattern[str]
    replacement: str | Callable[[re.Match[str]], str]
    hints: tuple[str, ...] = ()


def apply(rules: Iterable[Rule], text: str) -> str:
    """The text with the matches of each rule replaced, in their order."""
    lower = text.lower()
    for rule in rules:
        if not rule.hints or any(map(lower.__contains__, rule.hints)):
            text = rule.pattern.sub(rule.replacement, text)
    return text


def keep_key(placeholder: str) -> Callable[[re.Match[str]], str]:
    """A replacement: what the group `key…` of whichever alternative matched holds, and the placeholder."""

    def replace(found: re.Match[str]) -> str:
        key = next((text for name, text in found.groupdict().items() if name.startswith("key") and text), "")
        return found[0] if holds_placeholder(found[0][len(key) :]) else f"{key}{placeholder}"

    return replace


def word_set(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


@lru_cache(10_000)
def words_of(name: str) -> tuple[str, ...]:
    """The words of a name in lower case: `dbRootPassword`, `DB_ROOT_PASSWORD` and `db.root-password` have the same."""
    return tuple(word.lower() for word in _CAMEL.split(name) if word)


def content(value: re.Match[str]) -> str:
    """What a value of `VALUE` holds, without its quotes."""
    text = value["plain"] or value["bare"] or value["braces"]
    if text is None:
        return value[0].removeprefix(value["quote"]).removesuffix(value["quote"])
    return text.strip("\"'`") if value["plain"] else text


def holds_placeholder(text: str) -> bool:
    """Whether a part of the text was replaced already."""
    return _PLACEHOLDER.search(text) is not None


def is_opaque(text: str, least: int = 16) -> bool:
    """Whether a text looks random: long, in one piece, with letters and at least two digits."""
    return (
        len(text) >= least
        and not any(map(str.isspace, text))
        and sum(map(str.isdigit, text)) >= 2
        and any(map(str.isalpha, text))
    )
