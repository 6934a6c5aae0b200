"""The JSON objects in a text that a language model wrote: bare, in a Markdown fence, after thoughts, amid prose."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from fusionlog.teachers.llm.reply import json_of

MAX_FAILURES = 64
"""Openings of a JSON value that turn out to be none, after which a text is read no further: each may cost its length.
An answer that was cut off has four."""
MAX_WRAPPERS = 4
"""Levels of objects and arrays around an answer that are opened."""

# The end of what was thought, of several kinds of models. The opening mark is often part of the prompt.
_THOUGHT = re.compile(
    r"</(?:think|thinking|thought|thoughts|reasoning|reflection|analysis|scratchpad)>|\[/THINK\]|◁/think▷"
    r"|<\|channel\|>\s{0,4}final\b[^{\[<]{0,40}(?:<\|constrain\|>[^{\[<]{0,40})?<\|message\|>|<\|end_of_thought\|>|<\|START_RESPONSE\|>|\bassistantfinal",
    re.IGNORECASE,
)
FENCE = "```"
_OPENING = re.compile(r"[{\[]")
_decoder = json.JSONDecoder(strict=False)


def objects_with(text: str, key: str) -> list[dict[str, Any]]:
    """The JSON objects of a text that have a key, in their order; of an array that was cut off, those before the cut.

    Where the text is one JSON value, they are looked for in it; else behind the thoughts of the text, else in all of
    it.
    """
    whole = json_of(_unfenced(text))
    if whole is not None:
        return list(_objects(whole, key))
    thoughts = list(_THOUGHT.finditer(text))
    behind = _scanned(text[thoughts[-1].end() :], key) if thoughts else []
    return behind or _scanned(text, key)


def _unfenced(text: str) -> str:
    """The text without the Markdown fence that is around all of it."""
    inner = text.strip()
    fenced = inner.startswith(FENCE) and inner.endswith(FENCE)
    return inner.partition("\n")[2].removesuffix(FENCE) if fenced else text


def _scanned(text: str, key: str) -> list[dict[str, Any]]:
    return [found for value in _values(text) for found in _objects(value, key)]


def _values(text: str) -> Iterator[Any]:
    """The JSON objects and arrays that stand in a text, one after the other."""
    place, failures = 0, 0
    while failures < MAX_FAILURES and (opening := _OPENING.search(text, place)):
        try:
            value, place = _decoder.raw_decode(text, opening.start())
        except (ValueError, RecursionError):
            failures, place = failures + 1, opening.end()
        else:
            yield value


def _objects(value: Any, key: str, depth: int = 0) -> Iterator[dict[str, Any]]:
    """The objects with a key in a value, or in the arrays, the one object or the text of JSON that it wraps."""
    if isinstance(value, dict) and key in value:
        yield value
    elif depth >= MAX_WRAPPERS:
        return
    elif isinstance(value, list):
        for each in value:
            yield from _objects(each, key, depth + 1)
    elif isinstance(value, dict):
        held = value.get("answers", [each for each in value.values() if isinstance(each, dict | list)])
        yield from _objects(held, key, depth + 1)
    elif isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        yield from _objects(json_of(value), key, depth + 1)
