"""Generated pages of the documentation, as Markdown: topics, records and commands."""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

import msgspec
import typer

from fusionlog import records, schemas
from fusionlog.topics import Topic, Topics

GENERATED = "Generated from the code by `make pages`; change the code, not this page."
FIELD = re.compile(r":(?:param |(?=return|raises))([^:]+):(.*)")


def topics_page(topics: Topics) -> str:
    """The page of the topics, one table row a topic, and the sections on what each holds."""
    found = [topics.raw("{system}"), topics.canary, topics.keyed("{system}"), *topics.own()]
    rows = [
        (f"`{topic.name}`", _record(topic), topic.cleanup, _days(topic), ", ".join(topic.written_by),
         ", ".join(topic.read_by), topic.key, topic.summary)
        for topic in found
    ]  # fmt: skip
    columns = ("topic", "record", "cleanup", "kept", "written by", "read by", "key", "what it holds")
    return page("Topics", table(columns, rows), TOPICS_NOTE)


TOPICS_NOTE = """\
`shippers`, `users` and `operators` are people and programs outside of FusionLog. `FUSIONLOG_TOPIC_PREFIX` and
`FUSIONLOG_RAW_PREFIX` set the prefixes. `fusionlog topics create` makes the topics, `fusionlog topics check` compares a
broker's with this table, and `fusionlog acls` prints the ACLs that follow from it. Records of `labels`, `models` and
`feedback` are signed where keys are set ([security.md](security.md)). The AsyncAPI 3 document is
[asyncapi.json](asyncapi.json).
"""


def records_page(topics: Topics) -> str:
    """The page of the records: the fields of each, then those of the structures inside them."""
    names = msgspec.json.schema_components(schemas.RECORDS)[1]
    parts = [each for name, each in vars(records).items() if name in names and each not in schemas.RECORDS]
    return page(
        "Records",
        f"A record is a JSON object of version {records.VERSION}. A field without a default is required. "
        "`Probability` is a number from 0 to 1, `Weight` one of at least 0, `Seconds` is Unix time, `bytes`: Base64.",
        *(_structure(record, _carriers(record, topics)) for record in schemas.RECORDS),
        *(_structure(part, "") for part in parts),
    )


def commands_page(app: typer.Typer, name: str) -> str:
    """The page of a command: each subcommand with its arguments and options."""
    command = typer.main.get_command(app)
    return page("Commands", str(command.help), *_commands(command, typer.Context(command, info_name=name)))


def page(title: str, *parts: str) -> str:
    """A page of Markdown: its title, a note that it is generated, and its parts."""
    return "\n\n".join(part.strip("\n") for part in (f"# {title}", GENERATED, *parts) if part) + "\n"


def table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of Markdown; a bar in a cell is escaped."""
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
    described = msgspec.json.schema_components([struct])[1][struct.__name__]["properties"]
    rows = [
        (f"`{field.name}`", f"`{_annotation(struct, field.name)}`", _default(field), _described(described[field.name]))
        for field in msgspec.structs.fields(struct)
    ]
    columns = ("field", "type", "default", "what it is")
    shown = len(columns) if all(what for *_, what in rows) else len(columns) - 1
    text = markdown(inspect.getdoc(struct) or "")
    listed = table(columns[:shown], [row[:shown] for row in rows])
    return "\n\n".join(part for part in (f"## {struct.__name__}", text, place, listed) if part)


def _described(field: Mapping[str, Any]) -> str:
    """The description of a field, with its example; empty where it has none."""
    if not (text := field.get("description")):
        return ""
    found = [json.dumps(each, ensure_ascii=False) for each in field.get("examples", ())]
    return f"{text} E.g. `{found[0]}`" if found else text


def _annotation(struct: type[msgspec.Struct], name: str) -> str:
    return next(each for base in struct.__mro__ if (each := annotations_of(base).get(name)))


def annotations_of(kind: type) -> dict[str, str]:
    """The annotations of a class itself, as they stand in the source."""
    return {name: _bare(str(each)) for name, each in vars(kind).get("__annotations__", {}).items()}


class _Bare(ast.NodeTransformer):
    """Takes the first argument for an `Annotated`."""

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        if isinstance(node.value, ast.Name) and node.value.id == "Annotated" and isinstance(node.slice, ast.Tuple):
            return cast(ast.AST, self.visit(node.slice.elts[0]))
        return self.generic_visit(node)


def _bare(annotation: str) -> str:
    """An annotation without what stands beside its types.

    >>> _bare("list[Annotated[str, Meta(max_length=9)]] | None")
    'list[str] | None'
    """
    return ast.unparse(_Bare().visit(ast.parse(annotation, mode="eval"))) if "Annotated" in annotation else annotation


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
            table(("argument or option", "what it is"), rows) if rows else "",
        )
        if part
    )


def markdown(docstring: str) -> str:
    """A docstring as Markdown: parameters as a list, doctests as code."""
    lines: list[str] = []
    for line in docstring.splitlines():
        inside, field = _is_example(lines), FIELD.match(line)
        if line.startswith(">>>") and not inside:
            lines += ["", "```python", line]
        elif inside and not line:
            lines += ["```", ""]
        elif field:
            first = bool(lines and lines[-1]) and not lines[-1].startswith(("*", " "))
            lines += [*([""] if first else []), f"* `{field[1]}`:{field[2]}"]
        else:
            lines.append(line)
    return "\n".join([*lines, "```"] if _is_example(lines) else lines)


def _is_example(lines: list[str]) -> bool:
    """Whether the last of these lines are of an open block of code."""
    return sum(line.startswith("```") for line in lines) % 2 == 1
