"""Constants in masked tokens: codes and operators' placeholders, tokens of their own where words stand around them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fusionlog.parsing.tokens import CONSTANT

CONSTANT_END = "\ue001"
_CONSTANTS = re.compile(f"{CONSTANT}([^{CONSTANT_END}]*){CONSTANT_END}")
_PLACEHOLDER = re.compile("<[A-Z]+>")
_WORD = re.compile(r"\w")
_NAME_BEFORE = re.compile(r"[A-Za-z_][\w.-]{0,39}(?:=>|[=:])[\"'(\[]*\Z")
_QUOTES_BEFORE = re.compile(r"[\"'`\\(\[{<]+\Z")


def split_constants(token: str) -> str:
    """A token with marks around its constants, as tokens that begin with `CONSTANT` and others."""
    if CONSTANT not in token:
        return token
    pieces = _CONSTANTS.split(token)
    if len(pieces) == 3 and not _has_words(pieces[0]) and not _has_words(pieces[2]):
        return f"{CONSTANT}{pieces[0]}{pieces[1]}{pieces[2]}"
    return " ".join(_constant_tokens(pieces))


def _constant_tokens(pieces: list[str]) -> Iterator[str]:
    for at in range(1, len(pieces), 2):
        before, core, behind = pieces[at - 1], pieces[at], pieces[at + 1]
        name = (_NAME_BEFORE if core.startswith("<") else _QUOTES_BEFORE).search(before)
        if name is not None:
            before, core = before[: name.start()], name[0] + core
        if _has_words(before):
            yield before
        else:
            core = before + core
        if not _has_words(behind):
            core, pieces[at + 1] = core + behind, ""
        yield CONSTANT + core
    if pieces[-1]:
        yield pieces[-1]


def _has_words(text: str) -> bool:
    return bool(text) and _WORD.search(_PLACEHOLDER.sub("", text)) is not None
