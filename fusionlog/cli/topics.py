"""`fusionlog topics`: create, check and describe the topics."""

from __future__ import annotations

import asyncio
import json
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from fusionlog import schemas, settings
from fusionlog.cli import pages
from fusionlog.topics import Role, Topic, Topics
from fusionlog.utils.files import writing

Json = Annotated[bool, typer.Option("--json", help="print one JSON object a line")]
app = typer.Typer(help="Create, check and describe the topics.", no_args_is_help=True)


@app.command()
def create() -> None:
    """Create the missing topics; existing ones are not changed."""
    from fusionlog.kafka.admin import create_topics

    made = asyncio.run(create_topics(settings.load()))
    Console().print(f"created {', '.join(made)}" if made else "every topic was there already")


@app.command()
def check(
    role: Annotated[
        Role | None,
        typer.Option(help="only the topics of this role, and whether Kafka permits this login what the role does"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Report topics that are missing, misconfigured or not shown to this login; the exit code is then 1."""
    from fusionlog.kafka.admin import check_topics

    problems = asyncio.run(check_topics(settings.load(), role))
    for problem in problems:
        if as_json:
            found = {"topic": problem.topic, "problem": str(problem), "fatal": problem.fatal, "denied": problem.denied}
            typer.echo(json.dumps(found))
            continue
        Console(stderr=True, soft_wrap=True).print(str(problem), style="red", highlight=False, markup=False)
    if problems:
        raise typer.Exit(1)
    if as_json:
        return
    Console().print(f"every topic of {role} is as it should be" if role else "every topic is as it should be")


@app.command()
def describe(
    out: Annotated[
        Path | None,
        typer.Option(help="write topics.md, records.md, asyncapi.json and schemas/*.json below this directory"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the topics, or write the pages, the AsyncAPI document and the JSON Schemas of topics and records."""
    topics = settings.load().topics
    if out is None and as_json:
        for topic in topics.all():
            typer.echo(json.dumps(_tree(topic)))
        return
    if out is None:
        Console().print(_table(topics))
        return
    for name, document in documents(topics).items():
        path = out / name
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(document, encoding="utf-8")


def documents(topics: Topics) -> dict[str, str]:
    """The text of every page and document on topics and records, by its path below `docs/`."""
    contents = {"asyncapi.json": schemas.asyncapi(topics, version("fusionlog"))}
    contents |= {f"schemas/{record.__name__}.json": schemas.json_schema(record) for record in schemas.RECORDS}
    texts = {name: json.dumps(content, indent=2) + "\n" for name, content in contents.items()}
    return texts | {"topics.md": pages.topics_page(topics), "records.md": pages.records_page(topics)}


def _tree(topic: Topic) -> dict[str, Any]:
    return {
        "topic": topic.name, "record": topic.record.__name__ if topic.record else None, "config": topic.config(),
        "partitions": topic.partitions, "written_by": list(topic.written_by), "read_by": list(topic.read_by),
        "key": topic.key, "summary": topic.summary,
    }  # fmt: skip


def _table(topics: Topics) -> Table:
    table = Table("topic", "record", "cleanup", "parts", "written by", "read by", "key")
    table.columns[0].no_wrap = True
    for topic in topics.all():
        record = topic.record.__name__ if topic.record else "bytes"
        writers, readers = ", ".join(topic.written_by), ", ".join(topic.read_by)
        table.add_row(topic.name, record, topic.cleanup, str(topic.partitions), writers, readers, topic.key)
    return table
