"""Generated pages of the documentation, as Markdown: topics, records, commands and the Python API."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any

import msgspec
import typer

from fusionlog import records, schemas
from fusionlog.topics import Topic, Topics

GENERATED = "Generated from the code by `make pages`; change the code, not this page."
ANNOTATED = re.compile(r"Annotated\[(\w+), .*\]")
NONE = ast.Constant(None)
FIELD = re.compile(r":(?:param |(?=return|raises))([^:]+):(.*)")


def topics_page(topics: Topics) -> str:
    """The page of the topics, one table row a topic, and the sections on what each holds."""
    found = [topics.raw("{system}"), *topics.own()]
    rows = [
        (f"`{topic.name}`", _record(topic), topic.cleanup, _days(topic), ", ".join(topic.written_by),
         ", ".join(topic.read_by), topic.key, topic.summary)
        for topic in found
    ]  # fmt: skip
    columns = ("topic", "record", "cleanup", "kept", "written by", "read by", "key", "what it holds")
    return _page("Topics", _table(columns, rows), TOPICS_NOTE)


TOPICS_NOTE = """\
`shippers`, `users` and `operators` are people and programs outside of FusionLog. `FUSIONLOG_TOPIC_PREFIX` and
`FUSIONLOG_RAW_PREFIX` set the prefixes. `fusionlog topics create` makes the topics, `fusionlog topics check` compares a
broker's with this table. The AsyncAPI 3 document is [asyncapi.json](asyncapi.json).
"""


def records_page(topics: Topics) -> str:
    """The page of the records: the fields of each, then those of the structures inside them."""
    names = msgspec.json.schema_components(schemas.RECORDS)[1]
    parts = [each for name, each in vars(records).items() if name in names and each not in schemas.RECORDS]
    return _page(
        "Records",
        f"A record is a JSON object of version {records.VERSION}. A field without a default is required. "
        "`Probability` is a number from 0 to 1, `Weight` one of at least 0, `Seconds` is Unix time, `bytes`: Base64.",
        *(_structure(record, _carriers(record, topics)) for record in schemas.RECORDS),
        *(_structure(part, "") for part in parts),
    )


def commands_page(app: typer.Typer, name: str) -> str:
    """The page of a command: each subcommand with its arguments and options."""
    command = typer.main.get_command(app)
    return _page("Commands", str(command.help), *_commands(command, typer.Context(command, info_name=name)))


def api_page(package: ModuleType) -> str:
    """The page of what a package exports: signature and docstring of every name of its `__all__`."""
    names = [name for name in getattr(package, "__all__", ()) if not name.startswith("__")]
    found = [(name, getattr(package, name)) for name in names]
    parts = [part for name, each in found for part in _member(name, each, "##")]
    return _page(
        "Python API",
        f"What `import {package.__name__}` offers. Every example is run by the tests."
        if parts
        else f"`{package.__name__}` exports no function in this version.",
        *parts,
    )


def _page(title: str, *parts: str) -> str:
    return "\n\n".join(part.strip("\n") for part in (f"# {title}", GENERATED, *parts) if part) + "\n"


def _table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    names = list(columns)
    return "\n".join(_row(cells) for cells in (names, ["---"] * len(names), *rows))


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _record(topic: Topic) -> str:
    return f"[{topic.record.__name__}](records.md#{topic.record.__name__.lower()})" if topic.record else "bytes"


def _days(topic: Topic) -> str:
    return "for ever" if topic.retention_ms is None else f"{topic.retention_ms // (24 * 3600 * 1000)} days"


def _carriers(record: type[records.Record], topics: Topics) -> str:
    names = [f"`{topic.name}`" for topic in topics.own() if topic.record is record]
    return f"On {' and '.join(names)}; JSON Schema: [{record.__name__}.json](schemas/{record.__name__}.json)."


def _structure(struct: type[msgspec.Struct], place: str) -> str:
    rows = [
        (f"`{field.name}`", f"`{_annotation(struct, field.name)}`", _default(field))
        for field in msgspec.structs.fields(struct)
    ]
    text = _markdown(inspect.getdoc(struct) or "")
    return "\n\n".join(
        part for part in (f"## {struct.__name__}", text, place, _table(("field", "type", "default"), rows)) if part
    )


def _annotation(struct: type[msgspec.Struct], name: str) -> str:
    found = next(each for base in struct.__mro__ if (each := vars(base).get("__annotations__", {}).get(name)))
    return ANNOTATED.sub(r"\1", str(found))


def _default(field: Any) -> str:
    if field.required:
        return ""
    return f"`{field.default_factory() if field.default is msgspec.NODEFAULT else field.default!r}`"


def _commands(command: Any, context: Any) -> Iterator[str]:
    for name, each in getattr(command, "commands", {}).items():
        inner = typer.Context(each, info_name=name, parent=context)
        if hasattr(each, "commands"):
            yield from _commands(each, inner)
        else:
            yield _command(each, inner)


def _command(command: Any, context: Any) -> str:
    rows = [
        (f"`{shown[0]}`", shown[1])
        for parameter in command.get_params(context)
        if (shown := parameter.get_help_record(context)) and "--help" not in parameter.opts
    ]
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    return "\n\n".join(
        part
        for part in (
            f"## {context.command_path}",
            inspect.cleandoc(command.help or ""),
            f"```console\n$ {usage}\n```",
            _table(("argument or option", "what it is"), rows) if rows else "",
        )
        if part
    )


def _member(name: str, member: Any, heading: str) -> Iterator[str]:
    if inspect.isclass(member):
        yield f"{heading} {name}"
        yield _markdown(inspect.getdoc(member) or "")
        for each, value in vars(member).items():
            if not each.startswith("_") and (inspect.isfunction(value) or isinstance(value, property | classmethod)):
                yield from _member(f"{name}.{each}", _function(value), f"{heading}#")
    elif callable(member):
        yield f"{heading} {name}"
        yield f"```python\n{_signature(name, member)}\n```"
        yield _markdown(inspect.getdoc(member) or "")


def _function(member: Any) -> Any:
    """The function of a property or class method."""
    return getattr(member, "fget", None) or getattr(member, "__func__", member)


def _signature(name: str, function: Any) -> str:
    """The signature as it stands in the source, a parameter a line where one line has more than 100 characters."""
    node = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(function)))).body[0]
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    opening, returned = "async " if isinstance(node, ast.AsyncFunctionDef) else "", ast.unparse(node.returns or NONE)
    line = f"{opening}{name}({ast.unparse(node.args)}) -> {returned}"
    return line if len(line) <= 100 else f"{opening}{name}(\n    {_on_lines(node.args)},\n) -> {returned}"


def _on_lines(found: ast.arguments) -> str:
    return re.sub(r", (?=[*\w]+(?::|=|,|$))", ",\n    ", ast.unparse(found))


def _markdown(docstring: str) -> str:
    """A docstring as Markdown: parameters as a list, doctests as code."""
    lines: list[str] = []
    for line in docstring.splitlines():
        inside, field = _is_example(lines), FIELD.match(line)
        if line.startswith(">>>") and not inside:
            lines += ["", "```python", line]
        elif inside and not line:
            lines += ["```", ""]
        elif field:
            lines += [*([""] if lines and not lines[-1].startswith(("*", " ")) else []), f"* `{field[1]}`:{field[2]}"]
        else:
            lines.append(line)
    return "\n".join([*lines, "```"] if _is_example(lines) else lines)


def _is_example(lines: list[str]) -> bool:
    """Whether the last of these lines are of an open block of code."""
    return sum(line.startswith("```") for line in lines) % 2 == 1
