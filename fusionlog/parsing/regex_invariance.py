"""Invariance of a regular expression: its matches do not change when characters of a set replace each other.

Decided on the expression's text, piece by piece, and on the safe side: a piece that is not known to be invariant
counts as not.
"""

from __future__ import annotations

import re

DIGITS = "0123456789"
HEX_DIGITS = DIGITS + "abcdef"

_PIECE = re.compile(
    r"(?P<word>[A-Za-z]+)|(?P<tested>\[\^?\]?(?:\\.|[^\]\\])*\]|\\[dDwWsSbBAZnrt])|(?P<flags>\(\?[aimsx]+[:)])"
    r"|\\[^0-9A-Za-z]|\((?:\?(?:[:=!>]|<[=!]|P<[A-Za-z_]\w*>)|(?!\?))|\{[0-9]*,?[0-9]*\}|[^0-9A-Za-z\\\[\]{}(]",
    re.DOTALL,
)


def is_invariant(pattern: str, characters: str) -> bool:
    """Whether an expression surely finds the same places of a text whichever of these characters stands at a place.

    A class takes all of them or none, and no literal is one of them. A letter among them may stand in a literal word
    that begins with a letter that is not (`instance`): this is invariant only at places that no letter comes before.
    """
    end = 0
    while end < len(pattern):
        piece = _PIECE.match(pattern, end)
        if piece is None or not _piece_is_invariant(piece, characters):
            return False
        end = piece.end()
    return True


def _piece_is_invariant(piece: re.Match[str], characters: str) -> bool:
    word, tested, flags = piece.group("word", "tested", "flags")
    if word:
        return word[0] not in characters
    if tested:
        return len({re.fullmatch(tested, character) is None for character in characters}) == 1
    return not flags or characters.isdigit()
