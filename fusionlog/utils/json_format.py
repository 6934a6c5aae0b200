"""JSON lines as text: `{"time": "20:11", "msg": "started"}` by the format `{time} {level} {msg}` is `20:11 - started`.

A field is the key of that name, or a path into nested objects by dots. What has no value, or a blank one, is `-`, so
that the fields of a header keep their places; other values than strings are compact JSON. What is no JSON object with
one of the fields is a line as it stands: servers print a few plain ones when they start.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from string import Formatter

import msgspec

from fusionlog.utils.ansi import strip_ansi

Tree = dict[str, object]

MISSING = "-"


class JsonFormat:
    """Writes the JSON lines of one system by its format; without a format, every line passes.

    :raises ValueError: the format has no field, one without a name, or a brace that is not closed.
    """

    def __init__(self, format: str | None) -> None:
        self.format = format
        self._pieces = [] if format is None else list(_pieces(format))
        self._fields = [field for _, field in self._pieces if field]

    def __bool__(self) -> bool:
        return self.format is not None

    def text(self, line: str, fields: Tree | None = None) -> str:
        """The text of a JSON line; any other line is itself."""
        tree = tree_of(line) if self._fields else None
        return line if tree is None or not self.shares(tree) else self._render(tree)

    def shares(self, tree: Tree) -> bool:
        """Whether an object has a field of the format."""
        return any(value_at(tree, field) is not None for field in self._fields)

    def is_line(self, tree: Tree, message: str | None, own: Sequence[str]) -> bool:
        """Whether an object is a line itself, not an envelope around one.

        :param message: the field in which an envelope would hold the line, None where there is none.
        :param own: what envelopes have of their own, such as a time: to share no more than that proves nothing.
        """
        if message is None or message in self._fields:
            return self.shares(tree)
        return any(value_at(tree, field) is not None for field in self._fields if field not in own)

    def _render(self, tree: Tree) -> str:
        text = "".join(literal + (_written(value_at(tree, field)) if field else "") for literal, field in self._pieces)
        return strip_ansi(text.rstrip("\r\n"))


def tree_of(text: str) -> Tree | None:
    """The JSON object that a text is, None where it is none."""
    if text.lstrip()[:1] != "{":
        return None
    try:
        tree = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
    return tree if isinstance(tree, dict) else None


def _pieces(format: str) -> Iterator[tuple[str, str | None]]:
    """Literal text and the field that follows it, None after the last."""
    pieces = list(Formatter().parse(format))
    if all(field is None for _, field, _, _ in pieces):
        raise ValueError("it names no field, such as {msg}")
    for literal, field, spec, conversion in pieces:
        if field is not None and (spec or conversion or not all(field.split("."))):
            raise ValueError("a field is a name between braces, such as {msg} or {request.id}")
        yield literal, field


def value_at(tree: Tree, field: str) -> object:
    """The value of a field: of the key that is written with dots, or else on the path."""
    if field in tree or "." not in field:
        return tree.get(field)
    node: object = tree
    for name in field.split("."):
        node = node.get(name) if isinstance(node, dict) else None
    return node


def _written(value: object) -> str:
    if isinstance(value, str):
        return MISSING if not value or value.isspace() else value
    return MISSING if value is None else msgspec.json.encode(value).decode()
