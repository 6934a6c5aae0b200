"""Pseudonyms: `host-1` and `user-2` stand for the names of hosts and users in what leaves, and are mapped back in what
comes back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import count

from fusionlog.utils.redaction import redact
from fusionlog.utils.redaction.names import Name, NameKind, is_public, names_in

_PSEUDONYM = re.compile(r"(?<![\w-])(?:host|user)-[1-9]\d{0,5}(?!\w)")
_TOKEN = re.compile(r"[^\W_](?:[\w.-]*\w)?")
_LEAST_FOUND_AGAIN = 3
"""Characters of a name that is replaced wherever it stands; a shorter one only where it is recognised as a name."""


class Pseudonyms:
    """The pseudonyms of one call: a name has the same one in all of its texts.

    :param texts: all texts of the call. :param names: names that are known beforehand, by the fields of headers.
    :param kept: what the operator wrote for the call: a name in it stays, for else it could not be understood.
    """

    def __init__(self, texts: Sequence[str], names: Iterable[tuple[NameKind, str]] = (), kept: str = "") -> None:
        self._kept = {token.lower() for token in _TOKEN.findall(kept)}
        self._taken = {found[0] for text in (*texts, kept) for found in _PSEUDONYM.finditer(text)}
        self._pseudonyms: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._numbers = {"host": count(1), "user": count(1)}
        for kind, name in names:
            if not is_public(name, kind):
                self._pseudonym(name, kind)
        for text in texts:
            for each in names_in(text):
                self._pseudonym(text[each.start : each.end], each.kind)

    def hide(self, text: str) -> str:
        """The text with pseudonyms in place of names."""
        parts, done = [], 0
        for name in self._found(text):
            if name.start >= done:
                parts += [text[done : name.start], self._pseudonym(text[name.start : name.end], name.kind)]
                done = name.end
        return "".join((*parts, text[done:]))

    def hide_raw(self, text: str) -> str:
        """As `hide`, of a text that was not redacted yet."""
        return self.hide(redact(text, names=True))

    def restore(self, text: str) -> str:
        """The text with the names in place of their pseudonyms."""
        return _PSEUDONYM.sub(lambda found: self._names.get(found[0], found[0]), text)

    def _pseudonym(self, name: str, kind: NameKind) -> str:
        """The pseudonym of a name, a new one at its first occurrence; the name itself where the operator wrote it."""
        key = name.lower()
        if key in self._kept:
            return name
        if key not in self._pseudonyms:
            free = (f"{kind}-{number}" for number in self._numbers[kind])
            pseudonym = next(each for each in free if each not in self._taken)
            self._pseudonyms[key], self._names[pseudonym] = pseudonym, name
        return self._pseudonyms[key]

    def _found(self, text: str) -> list[Name]:
        """The names in a text, and the words in it that are a name elsewhere in the call, in their order."""
        again = (
            Name(*found.span(), "host")
            for found in _TOKEN.finditer(text)
            if len(found[0]) >= _LEAST_FOUND_AGAIN and found[0].lower() in self._pseudonyms
        )
        return sorted((*names_in(text), *again), key=lambda each: (each.start, -each.end))


def hidden(text: str) -> str:
    """A text as it leaves by itself: redacted, with pseudonyms in place of names."""
    shown = redact(text, names=True)
    return Pseudonyms([shown]).hide(shown)
