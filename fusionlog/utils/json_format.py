"""JSON lines as text: `{"time": "20:11", "msg": "started"}` by the format `{time} {level} {msg}` is `20:11 - started`.

A field is the key of that name, or a path into nested objects by dots. What has no value, or a blank one, is `-`, so
that the fields of a header keep their places; other values than strings are compact JSON. What is no JSON object with
one of the fields is a line as it stands: servers print a few plain ones when they start. Around a line there may be a
shipper's envelope; `{kubernetes.pod_name} {msg}` takes from it what the line itself lacks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Container, Iterator, Sequence
from string import Formatter
from typing import Any

import msgspec
from msgspec import UNSET
from msgspec.structs import astuple

from fusionlog.utils.ansi import strip_ansi

Tree = dict[str, object]

MISSING = "-"

_NO_NAME = re.compile(r'["\\\x00-\x1f]')
"""What a name must not have where a decoder reads it alone."""

_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


class JsonLine(dict[str, object]):
    """The fields of a JSON line, with its text, so that it is decoded once."""

    __slots__ = ("text",)

    def __init__(self, text: str, tree: Tree) -> None:
        super().__init__(tree)
        self.text = text


class JsonFormat:
    """Writes the JSON lines of one system by its format; without a format, every line passes.

    :param kept: fields that are written behind the format, as `name=value`, where the line has them.
    :raises ValueError: the format has no field, one without a name, or a brace that is not closed.
    """

    def __init__(self, format: str | None, kept: Sequence[str] = ()) -> None:
        self.format = format
        pieces = [] if format is None else list(_pieces(format))
        self.fields = [field for _, field in pieces if field]
        self._text = "".join(literal.replace("%", "%%") + ("%s" if field else "") for literal, field in pieces)
        self._kept = [name for name in kept if name not in self.fields]
        ways = {field: list(_ways(field)) for field in self.fields}
        self._is_direct = not self._kept and len(ways) == len(self.fields)
        names = list(dict.fromkeys([*self.fields, *(name for each in ways.values() for name, _ in each)]))
        self._decode = _decoder(names)
        self._dotted = [
            (at, [(names.index(name), rest) for name, rest in ways[field]])
            for at, field in enumerate(self.fields)
            if len(ways[field]) > 1
        ]

    def __bool__(self) -> bool:
        return self.format is not None

    def text(self, line: str, fields: Tree | None = None) -> str:
        """The text of a JSON line; any other line is itself.

        :param fields: of the envelope around the line: they stand for those that the line lacks; or the line's own.
        """
        if not self.fields:
            return line
        if isinstance(fields, JsonLine) and fields.text == line:
            return self._render(fields, None) if self.shares(fields) else line
        if line[:1] != "{" and line.lstrip()[:1] != "{":
            return line
        if not fields and self._is_direct:
            try:
                return self._of_values(line, astuple(self._decode(line)))
            except (msgspec.DecodeError, RecursionError):
                pass
        tree = tree_of(line)
        return line if tree is None or not self.shares(tree) else self._render(tree, fields)

    def shares(self, tree: Tree) -> bool:
        """Whether an object has a field of the format."""
        return any(value_at(tree, field) is not None for field in self.fields)

    def names(self, field: str) -> bool:
        """Whether the format has a field, or a part of it."""
        return any(each == field or each.startswith(f"{field}.") for each in self.fields)

    def is_line(self, tree: Tree, message: str | None, own: Container[str]) -> bool:
        """Whether an object is a line itself, not an envelope around one.

        :param message: the field in which an envelope would hold the line, None where there is none.
        :param own: what envelopes have of their own, such as a time or `kubernetes`: to share no more than that, or
            what is in it, proves nothing.
        """
        if message is None or message in self.fields:
            return self.shares(tree)
        apart = (field for field in self.fields if field not in own and field.split(".")[0] not in own)
        return any(value_at(tree, field) is not None for field in apart)

    def _of_values(self, line: str, values: tuple[object, ...]) -> str:
        """The text of a line of which the keys that the format needs were decoded; the line, where it has none."""
        found = list(values[: len(self.fields)])
        for at, ways in self._dotted:
            found[at] = _on_way(values, ways)
        texts = [
            value
            if type(value) is str and "!" < value < "\x7f"  # most: not blank, by its first character
            else MISSING
            if value is UNSET or value is None
            else _written(value)
            for value in found
        ]
        if texts[0] is MISSING and all(value is None or value is UNSET for value in found):
            return line
        text = (self._text % tuple(texts)).rstrip("\r\n")
        return strip_ansi(text) if "\x1b" in text else text

    def _render(self, tree: Tree, fields: Tree | None) -> str:
        get = tree.get
        values = [
            value
            if type(value := get(field)) is str and value and not value.isspace()
            else MISSING
            if value is None and not fields and "." not in field
            else _written(first_value(field, tree, fields or {}) if value is None else value)
            for field in self.fields
        ]
        text = self._text % tuple(values)
        for name in self._kept:
            value = first_value(name, tree, fields or {})
            if value is not None and not isinstance(value, dict | list):
                text += f" {name}={_written(value)}"
        return strip_ansi(text.rstrip("\r\n"))


def tree_of(text: str) -> Tree | None:
    """The JSON object that a text is, None where it is none."""
    if text.lstrip()[:1] != "{":
        return None
    tree = json_of(text)
    return tree if isinstance(tree, dict) else None


def json_of(text: str) -> object:
    """The value of a JSON text; None where it is none, or `null`.

    Tolerated, as writers of JSON produce them: control characters within strings, `NaN`, and halves of a surrogate
    pair, which become U+FFFD.
    """
    try:
        return msgspec.json.decode(text)
    except RecursionError:
        return None
    except msgspec.DecodeError:
        return _tolerant(text)


def _tolerant(text: str) -> object:
    try:
        return json.loads(_ESCAPE.sub(_whole_character, text), strict=False)
    except (ValueError, RecursionError):
        return None


def _whole_character(escape: re.Match[str]) -> str:
    return "\\ufffd" if escape["half"] else escape[0]


def objects(value: object) -> Iterator[Tree]:
    """The objects of a JSON array; none of another value."""
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else iter(())


def value_at(tree: Tree, field: str) -> object:
    """The value of a field, None where there is none: of the key that is written with dots, or else on the path.

    A path may have keys with dots in it: `resource.service.name` of `{"resource": {"service.name": "pay"}}`.
    """
    if field in tree:
        return tree[field]
    dot = field.find(".")
    while dot >= 0:
        node = tree.get(field[:dot])
        value = value_at(node, field[dot + 1 :]) if isinstance(node, dict) else None
        if value is not None:
            return value
        dot = field.find(".", dot + 1)
    return None


def first_value(field: str, *trees: Tree) -> object:
    """The value of a field in the first tree that has one."""
    for tree in trees:
        value = value_at(tree, field)
        if value is not None:
            return value
    return None


def _pieces(format: str) -> Iterator[tuple[str, str | None]]:
    """Literal text and the field that follows it, None after the last."""
    pieces = list(Formatter().parse(format))
    if all(field is None for _, field, _, _ in pieces):
        raise ValueError("it names no field, such as {msg}")
    for literal, field, spec, conversion in pieces:
        if field is not None and (spec or conversion or not all(field.split("."))):
            raise ValueError("a field is a name between braces, such as {msg} or {request.id}")
        if field is not None and _NO_NAME.search(field):
            raise ValueError(f"the name of a field has no quotes, backslashes and control characters, {field!r} has")
        yield literal, field


def _decoder(names: Sequence[str]) -> Callable[[str], msgspec.Struct]:
    """Decodes some keys of a JSON object, and nothing else of it: a value that is missing is `UNSET`."""
    fields = [(f"f{number}", Any, UNSET) for number in range(len(names))]
    rename = {f"f{number}": name for number, name in enumerate(names)}
    return msgspec.json.Decoder(msgspec.defstruct("JsonKeys", fields, rename=rename, gc=False)).decode


def _ways(field: str) -> Iterator[tuple[str, str]]:
    """The keys of an object under which a field may be, and the rest of its path there, as `value_at` looks for it."""
    yield field, ""
    dot = field.find(".")
    while dot >= 0:
        yield field[:dot], field[dot + 1 :]
        dot = field.find(".", dot + 1)


def _on_way(values: Sequence[object], ways: Sequence[tuple[int, str]]) -> object:
    """The value of a field with dots, by the values of the keys under which it may be."""
    for number, rest in ways:
        value = values[number]
        if not rest:
            if value is not UNSET:
                return value
        elif isinstance(value, dict):
            found = value_at(value, rest)
            if found is not None:
                return found
    return None


def _written(value: object) -> str:
    if isinstance(value, str):
        return MISSING if not value or value.isspace() else value
    return MISSING if value is None else msgspec.json.encode(value).decode()
