"""`fusionlog incidents`: list and show the incidents on their topic."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from fusionlog import settings
from fusionlog.cli.incidents_view import line, whole
from fusionlog.cli.printing import printable
from fusionlog.errors import SettingError
from fusionlog.records import Anomaly, Incident
from fusionlog.settings import Settings

MOST_READ = 20_000
"""Newest anomalies of each partition that are read for those of an incident."""

app = typer.Typer(help="List and show incidents: the anomalies of one cause.", no_args_is_help=True)


@app.command("list")
def list_(
    system: Annotated[str | None, typer.Option(help="only of this system")] = None,
    open_only: Annotated[bool, typer.Option("--open", help="only those that are open")] = False,
    limit: Annotated[int, typer.Option(min=1, help="the number of the newest ones")] = 20,
    json: Annotated[bool, typer.Option("--json", help="print a record a line")] = False,
) -> None:
    """List incidents, the one that was seen last at the end: time, status, severity, anomalies, systems, title, id."""
    config = settings.load()
    everything = asyncio.run(_read(config))
    settings.refuse_unknown(config, system, [name for each in everything for name in each.systems])
    found = [
        each for each in everything
        if (system is None or system in each.systems) and not (open_only and each.status != "open")
    ]  # fmt: skip
    for each in found[-limit:]:
        typer.echo(msgspec.json.encode(each).decode()) if json else _print(line(each))
    if not found:
        _note(f"no {'open ' if open_only else ''}incident{f' of {system}' if system else ''}", everything)


@app.command()
def show(
    id: Annotated[str, typer.Argument(help="id of the incident, or what it begins with")],
    json: Annotated[
        bool, typer.Option("--json", help="print the records of the incident and of its anomalies")
    ] = False,
) -> None:
    """Show an incident: its telling events with their lines, its explanation, and its anomalies."""
    config = settings.load()
    incident = chosen(id, asyncio.run(_read(config)))
    anomalies = asyncio.run(_anomalies(config, frozenset(incident.anomaly_ids)))
    if json:
        typer.echo(msgspec.json.encode({"incident": incident, "anomalies": anomalies}).decode())
    else:
        _print(*whole(incident, anomalies))


def chosen(id: str, incidents: Collection[Incident]) -> Incident:
    """The incident of an id, or of the beginning of one.

    :raises SettingError: there is none, or there are several.
    """
    found = [each for each in incidents if each.id.startswith(id)]
    if len(found) == 1 and id:
        return found[0]
    several = f"{len(found)} incidents begin with it: name more of it" if found else "there is no such incident"
    raise SettingError("ID", id, f"{several}; fusionlog incidents list  has the ids")


def _note(what: str, everything: Collection[Incident]) -> None:
    remedy = "" if everything else ": is a  fusionlog worker incidents  running?"
    Console(stderr=True).print(what + remedy, highlight=False)


def _print(*lines: str) -> None:
    console = Console(soft_wrap=True)
    for each in lines:
        console.print(printable(each), markup=False, highlight=False)


async def _read(config: Settings) -> list[Incident]:
    """The present incidents, the one that was seen last at the end."""
    from fusionlog.kafka.table import read_all

    found: list[Incident] = [record for _, record in await read_all(config, config.topics.incidents)]
    return sorted(found, key=lambda incident: (incident.last_seen, incident.id))


async def _anomalies(config: Settings, ids: Collection[str]) -> list[Anomaly]:
    """The last record of each of these anomalies that is among the newest ones, the earliest first."""
    from fusionlog.kafka.table import read_all

    records: list[Anomaly] = [record for _, record in await read_all(config, config.topics.anomalies, MOST_READ)]
    last = {each.id: each for each in records if each.id in ids and not each.withdrawn}
    return sorted(last.values(), key=lambda anomaly: (anomaly.started, anomaly.id))
