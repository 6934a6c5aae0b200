"""The generated page of the Python API: signature and docstring of every exported name, as Markdown."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from fusionlog.cli.pages import annotations_of, markdown, page, table

NONE = ast.Constant(None)
BOUND = re.compile(r"^(?:self|cls)(?:, |$)")
"""The first parameter of a method, which a caller does not give."""
ON_LINES, NEXT_LINE = re.compile(r", (?=[*\w]+(?::|=|,|$))"), ",\n    "
"""What separates parameters, and what separates them where each has a line of its own."""


def api_page(package: ModuleType) -> str:
    """The page of what a package exports: signature and docstring of every name of its `__all__`."""
    names = [name for name in getattr(package, "__all__", ()) if not name.startswith("__")]
    found = [(name, getattr(package, name)) for name in names]
    parts = [part for name, each in found for part in _member(name, each, "##")]
    return page(
        "Python API",
        f"What `import {package.__name__}` offers. Every example is run by the tests."
        if parts
        else f"`{package.__name__}` exports no function in this version.",
        *parts,
    )


def _member(name: str, member: Any, heading: str) -> Iterator[str]:
    yield f"{heading} {name}"
    if inspect.isclass(member):
        yield from _class(name, member, heading)
    elif inspect.isfunction(inspect.unwrap(member)):
        yield f"```python\n{_signature(name, member)}\n```"
        yield markdown(inspect.getdoc(member) or "")
    else:
        yield f"A value of type `{type(member).__name__}`."


def _class(name: str, member: type, heading: str) -> Iterator[str]:
    yield markdown(inspect.getdoc(member) or "")
    fields = {key: kind for base in reversed(member.__mro__) for key, kind in annotations_of(base).items()}
    if rows := [(f"`{key}`", f"`{kind}`") for key, kind in fields.items() if not key.startswith("_")]:
        yield table(("field", "type"), rows)
    for each, value in vars(member).items():
        if not each.startswith("_") and (inspect.isfunction(value) or isinstance(value, property | classmethod)):
            yield from _member(f"{name}.{each}", _function(value), f"{heading}#")


def _function(member: Any) -> Any:
    """The function of a property or class method."""
    return getattr(member, "fget", None) or getattr(member, "__func__", member)


def _signature(name: str, function: Any) -> str:
    """The signature as it stands in the source, a parameter a line where one line has more than 100 characters."""
    node = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(function)))).body[0]
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    opening, returned = "async " if isinstance(node, ast.AsyncFunctionDef) else "", ast.unparse(node.returns or NONE)
    parameters = BOUND.sub("", ast.unparse(node.args)) if "." in name else ast.unparse(node.args)
    line = f"{opening}{name}({parameters}) -> {returned}"
    if len(line) <= 100:
        return line
    return f"{opening}{name}(\n    {ON_LINES.sub(NEXT_LINE, parameters)},\n) -> {returned}"
