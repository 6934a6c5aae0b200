"""`fusionlog tail`: the newest anomalies or incidents from their topic, and those that come."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from fusionlog import settings
from fusionlog.cli.printing import at, printable
from fusionlog.novelty.reasons.telling import is_telling
from fusionlog.novelty.reasons.title import phrase
from fusionlog.records import Anomaly, Incident, Record
from fusionlog.settings import Settings
from fusionlog.topics import CANARY

if TYPE_CHECKING:
    from fusionlog.kafka.table import Table

NEWEST = 1_000
"""Records of each partition that are read, the newest ones."""
SHOWN_LINES = 3


def tail(
    system: Annotated[str | None, typer.Option(help="only of this system; default: all but the canary")] = None,
    limit: Annotated[int, typer.Option(min=0, help="the number of the newest ones")] = 10,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="go on with those that come, until Ctrl-C")] = False,
    incidents: Annotated[
        bool, typer.Option("--incidents", help="incidents instead of anomalies, each with its changes")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="print each as a line of JSON, the record as it is")] = False,
) -> None:
    """Show the newest anomalies, the newest last: title, session, what is unusual, lines."""
    config = settings.load()
    began = time.time()
    if incidents:
        asyncio.run(_tail_incidents(config, system, limit, follow, json))
        return
    everything = asyncio.run(_read(config))
    settings.refuse_unknown(config, system, [each.system for each in everything])
    found = [each for each in everything if _is_shown(each, system)]
    for each in found[-limit:] if limit else ():
        _show(each, json)
    if follow:
        asyncio.run(_follow(config, system, json, began))
    elif not found:
        of = f" of {system}" if system else ""
        Console(stderr=True).print(f"no anomaly{of} yet; add --follow to wait for one", highlight=False)


async def _read(config: Settings) -> list[Anomaly]:
    """The newest anomalies by the end of their windows: of each id its last record, those withdrawn left out."""
    from fusionlog.kafka.table import read_all

    found: dict[str, Anomaly] = {}
    for _, record in await read_all(config, config.topics.anomalies, NEWEST):
        found[record.id] = record
    return sorted((each for each in found.values() if not each.withdrawn), key=lambda each: each.detected_at)


async def _tail_incidents(config: Settings, system: str | None, limit: int, follow: bool, json: bool) -> None:
    """Show the newest incidents as they are now, then each change but for mere anomalies of theirs."""
    from fusionlog.cli.incidents_view import line
    from fusionlog.kafka.table import Table, read_all

    def show(incident: Incident) -> None:
        if system is None or system in incident.systems:
            _print(incident, json, [f"{incident.change:9} {line(incident)}"])

    def changed(_: str, incident: Incident | None) -> None:
        if incident is not None and (json or incident.change != "updated"):
            show(incident)

    began = time.time()
    found: list[Incident] = [each for _, each in await read_all(config, config.topics.incidents)]
    settings.refuse_unknown(config, system, [name for each in found for name in each.systems])
    chosen = [each for each in found if system is None or system in each.systems]
    for each in chosen[-limit:] if limit else ():
        show(each)
    if follow:
        await _until_stopped(Table(config, config.topics.incidents, changed, since=began))
    elif not chosen:
        of = f" of {system}" if system else ""
        Console(stderr=True).print(f"no incident{of} yet; add --follow to wait for one", highlight=False)


async def _follow(config: Settings, system: str | None, json: bool, since: float) -> None:
    from fusionlog.kafka.table import Table

    def show(_: str, record: Anomaly | None) -> None:
        if record is not None and _is_shown(record, system):
            _show(record, json)

    await _until_stopped(Table(config, config.topics.anomalies, show, since=since))


async def _until_stopped(table: Table) -> None:
    """Follow a topic until Ctrl-C, or until it cannot be followed."""
    await table.start()
    try:
        await asyncio.wait(table.background, return_when=asyncio.FIRST_COMPLETED)
        table.background[0].result()
    finally:
        await table.stop()


def _is_shown(anomaly: Anomaly, system: str | None) -> bool:
    return anomaly.system == system if system else anomaly.system != CANARY


def _show(anomaly: Anomaly, json: bool) -> None:
    _print(anomaly, json, _lines(anomaly))


def _print(record: Record, json: bool, lines: Iterable[str]) -> None:
    import msgspec

    if json:
        typer.echo(msgspec.json.encode(record).decode())
        return
    Console(soft_wrap=True).print("\n".join(map(printable, lines)), markup=False, highlight=False)


def _lines(anomaly: Anomaly) -> Iterable[str]:
    state = "withdrawn" if anomaly.withdrawn else "provisional" if anomaly.provisional else ""
    times = f"{at(anomaly.started)} to {at(anomaly.ended)}"
    yield f"{anomaly.severity.upper():8}  {anomaly.system}  {anomaly.title or anomaly.reason}"
    yield f"  session   {anomaly.session}, {times}{', on ' if anomaly.hosts else ''}{', '.join(anomaly.hosts)}"
    for each in anomaly.evidence:
        if is_telling(each):
            yield f"  why       {phrase(each)}"
    for each in [each for each in anomaly.evidence if not each.absent][:SHOWN_LINES]:
        yield f"  line      {each.count} x {each.example}"
    yield f"  verdict   {anomaly.score:.2f} by {anomaly.verdict_source}: {anomaly.reason}"
    yield f"  anomaly   {anomaly.id} {state}".rstrip()
    yield ""
