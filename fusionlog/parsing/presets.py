"""Headers of common software, each tried on lines of several of its versions (`tests/parsing/test_presets.py`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from fusionlog.utils.json_format import Tree

BLANKS = r"\s\ufeff"

STRUCTURED_DATA = r'(?>-(?!\S)|(?:\[(?:[^"\]\\]|\\.|"(?:[^"\\]|\\.)*+")*+\])++)'
"""STRUCTURED-DATA of RFC 5424: a hyphen, or elements in brackets, whose values may hold escaped quotes and brackets."""


class Read(NamedTuple):
    """What a preset reads of a line that has to be decoded: its values are no part of the line as it stands."""

    content: str
    component: str | None
    level: str | None
    values: Tree


class Preset(NamedTuple):
    """A header: expressions that are tried in turn, then a reader."""

    patterns: tuple[str, ...] = ()
    read: Callable[[str, Tree | None], Read | None] | None = None


PRESETS: Mapping[str, Preset] = {}
