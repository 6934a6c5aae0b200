"""Session keys in a content: the content with `<KEY>` for each, and places in both."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fusionlog.parsing.codes import Candidate
from fusionlog.parsing.session_keys import KeyMatch

TOKEN = re.compile(r"\S+")
_STARTS_NOTHING = re.compile(r"[^\w/\\:+-]*")
"""Before a key: no built-in mask begins in it. (A letter and a colon begin a path, a sign a number.)"""
_HOLDS_NOTHING = re.compile(r"[^\w$~@]*")
"""Behind a key: no built-in mask ends in it, nor an address."""

_UNMASKED = re.compile(r"(?!.*(?:::|[Ff]{8}))[^0-9/\\@]*", re.DOTALL)


def in_text(text: str, keys: Sequence[KeyMatch], found: Sequence[tuple[int, Candidate]]) -> list[Candidate]:
    """The places of a text's tokens, in the text. The tokens are those of the text with `<KEY>` for each key."""
    if not found:
        return []
    shown = key_text(text, keys)
    starts = [token.start() for token in TOKEN.finditer(shown)]
    moved = [_moved(each, starts[number]) for number, each in found]
    return [_in_original(each, keys) for each in moved if not _in_keys(each, keys)]


def _moved(place: Candidate, by: int) -> Candidate:
    start, stop, code, code_stop, accepted = place
    return Candidate(start + by, stop + by, code + by, code_stop + by, accepted)


def _in_original(place: Candidate, keys: Sequence[KeyMatch]) -> Candidate:
    """A place in the text with `<KEY>` for each key, as a place in the text itself."""
    by = 0
    for _, _, key, key_stop in keys:
        if key > place.start + by:
            break
        by += key_stop - key - len("<KEY>")
    return _moved(place, by)


def _in_keys(place: Candidate, keys: Sequence[KeyMatch]) -> bool:
    """Whether a place in the text with `<KEY>` for each key overlaps one of them."""
    by = 0
    for _, _, key, key_stop in keys:
        start = key - by
        if start < place.stop and place.start < start + len("<KEY>"):
            return True
        by += key_stop - key - len("<KEY>")
    return False


def key_text(text: str, keys: Sequence[KeyMatch]) -> str:
    """The text with `<KEY>` for each of its keys."""
    if len(keys) == 1:
        _, _, key, key_stop = keys[0]
        return f"{text[:key]}<KEY>{text[key_stop:]}"
    pieces: list[str] = []
    end = 0
    for _, _, key, key_stop in keys:
        pieces += (text[end:key], "<KEY>")
        end = key_stop
    return "".join([*pieces, text[end:]]) if keys else text


def stands_apart(text: str, match: KeyMatch) -> bool:
    """Whether no mask matches beside the key in its match, begins in its token before it, or ends in that behind it."""
    first, last, key, stop = match
    if first and not text[first - 1].isspace() and not _STARTS_NOTHING.fullmatch(_last_word(text, first)):
        return False
    behind = TOKEN.match(text, last)
    if behind is not None and not _HOLDS_NOTHING.fullmatch(behind[0]):
        return False
    if first == key and last == stop:
        return True
    return _UNMASKED.fullmatch(text, first, key) is not None and _UNMASKED.fullmatch(text, stop, last) is not None


def _last_word(text: str, end: int) -> str:
    """The part of a token before a place."""
    start = end
    while start and not text[start - 1].isspace():
        start -= 1
    return text[start:end]
