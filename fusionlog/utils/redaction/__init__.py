"""Redaction: secrets and personal data in a text are replaced before it leaves the house.

Placeholders stand in angle brackets. Constant words stay, so that a line still shows what happened: `password=hunter2`
becomes `password=<SECRET>`, but `Failed password for root` and `password: incorrect` are kept as they are.
UUIDs and short identifiers stay too: they name things, they open nothing.
"""

from __future__ import annotations

from fusionlog.utils.bounded_cache import BoundedCache
from fusionlog.utils.redaction import credentials, personal
from fusionlog.utils.redaction.detector import hide_tokens
from fusionlog.utils.redaction.grammar import apply
from fusionlog.utils.redaction.keys import hide_keyed

REMEMBERED = 10_000
"""Texts whose redaction is cached, of `REMEMBERED_CHARS` each at most: 40 MB at most."""
REMEMBERED_CHARS = 1_000
ROUNDS = 4
"""A replacement may show the next secret: the rules are applied until they change nothing, so often at most."""

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
_INVISIBLE = dict.fromkeys((0x00AD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF), None)
_FOLDED = {**_FULL_WIDTH, **_INVISIBLE}


_CACHE: BoundedCache[str, tuple[str, str]] = BoundedCache(REMEMBERED)


def redact(text: str, names: bool = False) -> str:
    """The text without secrets and personal data. Redacting twice changes nothing.

    :param names: keep e-mail and IP addresses, for which pseudonyms will stand.
    """
    with_names, without = _cached(text) if len(text) <= REMEMBERED_CHARS else _both(text)
    return with_names if names else without


def _cached(text: str) -> tuple[str, str]:
    found = _CACHE.get(text)
    if found is None:
        found = _both(text)
        _CACHE.put(text, found)
        _CACHE.put(found[1], (found[1], found[1]))
    return found


def _both(text: str) -> tuple[str, str]:
    """The text redacted, with e-mail and IP addresses and without. Full-width characters are folded for it, and stay
    where nothing is hidden."""
    folded = text if text.isascii() else text.translate(_FOLDED)
    with_names = _stable(folded)
    without = apply(personal.ADDRESSES, with_names)
    if without != with_names:
        without = apply(personal.ADDRESSES, _stable(without))
    return (text if with_names == folded else with_names), (text if without == folded else without)


def _stable(text: str) -> str:
    """The text after the rules were applied until they changed nothing."""
    for _ in range(ROUNDS):
        before, text = text, _once(text)
        if text == before:
            break
    return text


def _once(text: str) -> str:
    text = hide_keyed(apply(credentials.BY_PLACE, text))
    return hide_tokens(apply(personal.PEOPLE, apply(credentials.BY_FORM, text)))
