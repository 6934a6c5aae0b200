"""`fusionlog systems`: check a system's entry in the systems file on a sample of its log, or propose one."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from fusionlog import settings as environment
from fusionlog.cli.systems_add import add
from fusionlog.errors import DataError, SettingError
from fusionlog.onboarding.sample import SampleRecord, read_sample, read_standard_input
from fusionlog.settings import Settings, SystemSettings, read_systems
from fusionlog.utils.suggestions import suggestion

app = typer.Typer(help="Check the entries of the systems file, or propose one.", no_args_is_help=True)

app.command()(add)

STANDARD_INPUT = Path("-")
DEFAULT_NAME = "sample"


@app.command()
def check(
    file: Annotated[
        Path | None, typer.Argument(help="a sample of the log, - for the standard input; .jsonl may hold Kafka records")
    ] = None,
    system: Annotated[str | None, typer.Option(help="the entry to check; default: the only one of the file")] = None,
    systems_file: Annotated[Path | None, typer.Option(help="default: FUSIONLOG_SYSTEMS_FILE")] = None,
    topic: Annotated[bool, typer.Option("--topic", help="read the newest records of the system's raw topic")] = False,
    records: Annotated[int, typer.Option(min=1, help="records of the sample, at most")] = 20_000,
    json: Annotated[bool, typer.Option("--json", help="print the report as JSON")] = False,
) -> None:
    """Send a sample through the parts of an ingest worker, without Kafka, and print what it finds.

    The exit code is 0 where nothing is suspicious, 1 with a warning or a dead letter, 2 for wrong usage.
    """
    from fusionlog.onboarding.check import check as check_sample
    from fusionlog.onboarding.report import report, tables

    if (file is None) == (not topic):
        raise typer.BadParameter("name a file, - for the standard input, or --topic")
    config = environment.load(**({"systems_file": systems_file} if systems_file else {}))
    name, chosen = _chosen(config, system, topic)
    sample = asyncio.run(_newest(config, name, records)) if file is None else _sample(file, records)
    if not sample:
        raise DataError(file or config.topics.raw(name).name, "it has no record", "take a sample with lines in it")
    found = report(check_sample(name, chosen, config.ingest, sample))
    if json:
        typer.echo(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
    else:
        console = Console()
        for each in tables(found):
            console.print(each, highlight=False)
    raise typer.Exit(0 if found.clean else 1)


def _chosen(config: Settings, name: str | None, topic: bool) -> tuple[str, SystemSettings]:
    """The entry to check; without a systems file, the defaults.

    :raises SettingError: the file has no such entry, or several and none is named.
    """
    if config.systems_file is None:
        if topic or name is not None:
            raise SettingError("FUSIONLOG_SYSTEMS_FILE", None, "name the YAML file of the system, or --systems-file")
        return DEFAULT_NAME, SystemSettings()
    systems = read_systems(config.systems_file)
    if name is None and len(systems) > 1:
        raise SettingError("--system", None, f"{config.systems_file} has several: {', '.join(sorted(systems))}")
    chosen = name or next(iter(systems))
    if chosen not in systems:
        raise SettingError("--system", chosen, f"it is not in {config.systems_file}; {suggestion(chosen, systems)}")
    return chosen, systems[chosen]


def _sample(file: Path, limit: int) -> list[SampleRecord]:
    if file == STANDARD_INPUT:
        return read_standard_input(limit)
    return read_sample(file, limit)


async def _newest(config: Settings, system: str, limit: int) -> list[SampleRecord]:
    """The newest records of a system's raw topic."""
    from fusionlog.kafka.table import newest

    topic = config.topics.raw(system)
    return [
        SampleRecord(each.offset, each.timestamp, each.key, each.value, each.partition)
        for each in await newest(config, topic, limit)
    ]
