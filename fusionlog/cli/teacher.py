"""`fusionlog teacher`: the check of the language model's endpoint, and what is left of its budget."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from fusionlog import settings
from fusionlog.errors import MissingExtraError, SettingError
from fusionlog.observability.logs import configure
from fusionlog.settings import LabelSettings, Settings
from fusionlog.teachers.llm.spend import SpendTotals
from fusionlog.teachers.llm.spend_summary import SpendSummary, lines_of, summary_of

if TYPE_CHECKING:
    from fusionlog.teachers.llm.check import EndpointCheck

app = typer.Typer(help="The teacher: the language model that labels.", no_args_is_help=True)


@app.callback()
def teacher() -> None:
    """The teacher: the language model that labels."""


@app.command()
def check(
    url: Annotated[str | None, typer.Option(help="the endpoint; default: FUSIONLOG_LABEL__URL")] = None,
    model: Annotated[str | None, typer.Option(help="the model there; default: FUSIONLOG_LABEL__MODEL")] = None,
    json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Ask an endpoint about six made-up windows; exit code 1 where it is of no use."""
    label = _label(url, model)
    found = asyncio.run(_check(label))
    typer.echo(msgspec.json.encode(found).decode() if json else _line(found))
    raise typer.Exit(0 if found.usable else 1)


@app.command()
def spend(
    json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Show what all label and explain workers spent on the language model, and what is left of the budgets."""
    found = asyncio.run(_summary(settings.load()))
    typer.echo(msgspec.json.encode(found).decode() if json else "\n".join(lines_of(found)))


async def _summary(config: Settings) -> SpendSummary:
    from fusionlog.kafka.table import read_all

    totals = SpendTotals()
    for key, record in await read_all(config, config.topics.spend):
        totals.update(key, record)
    return summary_of(totals, config, time.time())


def _label(url: str | None, model: str | None) -> LabelSettings:
    """The label settings with the values of the command line.

    :raises SettingError: no endpoint is named.
    """
    given = {name: value for name, value in (("url", url), ("model", model)) if value is not None}
    config = settings.load(**({"label": given} if given else {}))
    # The reason tells what a log line would.
    configure(config if "log_level" in config.model_fields_set else config.model_copy(update={"log_level": "error"}))
    label = config.label
    if label.url is None:
        raise SettingError("FUSIONLOG_LABEL__URL", None, "name an OpenAI-compatible endpoint, here or by --url")
    return label


async def _check(label: LabelSettings) -> EndpointCheck:
    try:
        from fusionlog.teachers.llm.check import check
        from fusionlog.teachers.llm.teacher import LLMTeacher
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "openai", "agents", "asking a language model") from error
    teacher = LLMTeacher(label)
    try:
        return await check(teacher)
    finally:
        await teacher.close()


def _line(found: EndpointCheck) -> str:
    verdict = "usable" if found.usable else "of no use"
    return f"{verdict}: {found.reason}; {found.requests} requests, {found.tokens} tokens, {found.seconds:.1f} s"
