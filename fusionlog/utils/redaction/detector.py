"""Tokens of some 480 services by the rules of kingfisher, a maintained detector. It runs in the process, on a string:
scanning opens no connection and writes no file."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from fusionlog.errors import MissingExtraError
from fusionlog.utils.redaction.grammar import holds_placeholder

if TYPE_CHECKING:
    from kingfisher_sdk import Scanner

# A run that may be a token. Compiling the rules takes seconds, so a process whose lines have none never does it.
_RUN = re.compile(r"[A-Za-z0-9_~-]{20,}+")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


@cache
def _scanner() -> Scanner:
    try:
        from kingfisher_sdk import Rules, Scanner
    except ModuleNotFoundError as error:
        raise MissingExtraError("kingfisher_sdk", "agents", "redacting a line") from error
    return Scanner(Rules(confidence="low", cache=False))


def _may_be_token(run: str) -> bool:
    return any(map(str.isdigit, run)) and any(map(str.isalpha, run))


def hide_tokens(text: str) -> str:
    """The text with each token that the detector finds replaced; overlapping findings are one."""
    if not any(map(_may_be_token, _RUN.findall(_UUID.sub("", text)))):
        return text
    data = text.encode("utf-8", "replace")
    spans = sorted((each.location["start_offset"], each.location["end_offset"]) for each in _scanner().scan(data))
    parts, done = [], 0
    for start, end in spans:
        if start >= done and not holds_placeholder(data[start:end].decode("utf-8", "replace")):
            parts += [data[done:start], b"<TOKEN>"]
            done = end
    return b"".join((*parts, data[done:])).decode("utf-8", "replace") if parts else text
