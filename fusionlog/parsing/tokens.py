"""The tokens of a masked line, as the miner sees them: lists collapsed, sentences without blanks split, the end cut."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from fusionlog.parsing.lists import collapse
from fusionlog.parsing.unspaced import GLUE, hide_names, is_word, pieces

WILDCARD = "<*>"
CONSTANT = "\ue000"
"""The first character of a masked token that never becomes a wildcard: a code, an operator's placeholder."""
MAX_CHARS = 2_000
"""Characters of a masked line that Drain3 sees: what stands behind becomes one wildcard, whatever its tokens are."""
COLLAPSED_CHARS = 4 * MAX_CHARS
"""Characters of a masked line in which lists are collapsed."""
TAIL_CONSTANTS = 8
"""Constants kept of what stands behind the last token of a line that is mined."""


class Tokens(NamedTuple):
    """The tokens of a line; the places of those that never become a wildcard; those of marked ones in the text."""

    tokens: list[str]
    fixed: tuple[int, ...] = ()
    marked: tuple[int, ...] = ()


def tokens_of(masked: str, max_tokens: int) -> Tokens:
    """The tokens of a masked line, `max_tokens` at most: a wildcard and the last constants stand for the others."""
    if len(masked) <= MAX_CHARS and masked.isascii():
        tokens = collapse(masked).split()
        if len(tokens) <= max_tokens:
            return Tokens(tokens)
    text = hide_names(collapse(masked[:COLLAPSED_CHARS])) + masked[COLLAPSED_CHARS:]
    return _unmarked(_limit(_split(_shorten(text)), max_tokens))


def tokens_of_template(text: str, marked: Sequence[int]) -> Tokens:
    """The tokens of a template, given the places of its marked ones."""
    tokens = text.split()
    return _unmarked(_split([CONSTANT + token if place in marked else token for place, token in enumerate(tokens)]))


def _split(tokens: list[str]) -> list[str]:
    """The tokens with those of scripts without blanks in pieces."""
    if all(map(str.isascii, tokens)):
        return tokens
    return [
        piece
        for token in tokens
        for piece in ([token] if CONSTANT in token else pieces(token.replace(GLUE, "") or WILDCARD))
    ]


def _unmarked(tokens: list[str]) -> Tokens:
    """The tokens without the mark of a constant."""
    marked = [place for place, token in enumerate(tokens) if CONSTANT in token]
    if marked:
        tokens = [token.replace(CONSTANT, "") or WILDCARD for token in tokens]
    glued = [place for place, token in enumerate(tokens) if token[0] == GLUE]
    if not glued:
        return Tokens(tokens, tuple(marked), tuple(marked))
    fixed = [place for place, token in enumerate(tokens) if place in marked or is_word(token)]
    return Tokens(tokens, tuple(fixed), tuple([place - sum(each < place for each in glued) for place in marked]))


def _limit(tokens: list[str], max_tokens: int) -> list[str]:
    if len(tokens) <= max_tokens:
        return tokens
    tail = _constants_of(tokens[max_tokens - 1 :])[: max_tokens // 2]
    return [*tokens[: max_tokens - 1 - len(tail)], WILDCARD, *tail]


def _shorten(masked: str) -> list[str]:
    """The tokens of a line: those that are whole within its first `MAX_CHARS` characters, a wildcard, and constants."""
    if len(masked) <= MAX_CHARS:
        return masked.split()
    kept = masked[:MAX_CHARS]
    whole = kept.rsplit(maxsplit=1)[0] if any(map(str.isspace, kept.strip())) else ""
    return [*whole.split(), WILDCARD, *_constants_of(masked[len(whole) :].split())]


def _constants_of(tokens: Iterable[str]) -> list[str]:
    return [token for token in tokens if CONSTANT in token][:TAIL_CONSTANTS]
