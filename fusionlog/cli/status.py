"""`fusionlog status`: systems and workers of the deployment on one screen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from fusionlog import settings
from fusionlog.cli.incidents_view import OpenIncidents, open_by_system
from fusionlog.cli.printing import ago, printable
from fusionlog.observability.deployment import Deployment, SystemView, deployment
from fusionlog.records import Incident, WorkerState
from fusionlog.settings import Settings

WATCH_SECONDS = 5.0


def status(
    watch: Annotated[bool, typer.Option("--watch", help="show it again every five seconds, until Ctrl-C")] = False,
    json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Show systems and workers: lines a minute, lag, what was dropped, anomalies, open incidents, releases in use, what
    is degraded.

    By the reports that workers write every ten seconds. Counts are since their starts. Exit code 1 where a worker is
    gone without a word, not ready or degraded.
    """
    config = settings.load()
    if watch:
        asyncio.run(_watch(config))
        return
    found, incidents = asyncio.run(_both(config))
    if json:
        typer.echo(msgspec.json.encode(_tree(found, incidents)).decode())
    else:
        Console().print(screen(found, time.time(), incidents))
    if problems(found):
        raise typer.Exit(1)


async def read(config: Settings) -> Deployment:
    """The deployment as its workers report it.

    :raises BrokerError: Kafka does not answer, or the topic is missing.
    """
    from fusionlog.kafka.table import read_all

    states: list[tuple[str, WorkerState]] = await read_all(config, config.topics.workers)
    return deployment((state for _, state in states), time.time())


async def read_incidents(config: Settings) -> Mapping[str, OpenIncidents]:
    """The open incidents by system.

    :raises BrokerError: Kafka does not answer, or the topic is missing.
    """
    from fusionlog.kafka.table import read_all

    found: list[tuple[str, Incident]] = await read_all(config, config.topics.incidents)
    return open_by_system(each for _, each in found)


async def _both(config: Settings) -> tuple[Deployment, Mapping[str, OpenIncidents]]:
    return await asyncio.gather(read(config), read_incidents(config))


async def _watch(config: Settings) -> None:
    with Live(screen=True, auto_refresh=False) as live:
        while True:
            found, incidents = await _both(config)
            live.update(screen(found, time.time(), incidents), refresh=True)
            await asyncio.sleep(WATCH_SECONDS)


def problems(found: Deployment) -> list[str]:
    """What is not as it should be, a sentence each."""
    return [
        *(f"{_name(each)} has not reported for a minute or more, and did not say that it stops" for each in found.gone),
        *(f"{_name(each)} is not ready: {reason}" for each in found.workers for reason in each.reasons),
        *(f"{_name(each)}: {problem}" for each in found.workers for problem in each.degraded),
    ]


def screen(
    found: Deployment, now: float, incidents: Mapping[str, OpenIncidents] = MappingProxyType({})
) -> RenderableType:
    """What is shown of a deployment, with its open incidents by system."""
    if not found.workers and not found.gone:
        return Text("no worker has reported within the last hour: run  fusionlog worker ROLE")
    lines = [Text(printable(each), style="red") for each in problems(found)]
    return Group(_systems(found, incidents), _workers(found.workers, now), *lines)


def _systems(found: Deployment, incidents: Mapping[str, OpenIncidents]) -> Table:
    table = Table(
        "system", "lines/min", "lines", "dropped", "windows", "proprietary", "anomalies", "muted", "open incidents",
        "release",
    )  # fmt: skip
    others = {name: SystemView() for name in incidents if name not in found.systems}
    for name, view in (found.systems | others).items():
        counts = view.counts
        numbers = (counts.lines, counts.dropped, counts.windows, counts.proprietary, counts.anomalies, counts.muted)
        table.add_row(
            name, f"{view.lines_per_minute:,.0f}", *(f"{each:,}" for each in numbers), _open(incidents.get(name)),
            _release(view),
        )  # fmt: skip
    return table


def _open(incidents: OpenIncidents | None) -> str:
    return f"{incidents.number} {incidents.severity}" if incidents is not None else "0"


def _release(view: SystemView) -> str:
    """The releases in use; where there are several, by how many workers each."""
    if len(view.models) == 1:
        return next(iter(view.models)) or "none yet"
    return ", ".join(f"{version or 'none yet'} ({count})" for version, count in view.models.items())


def _workers(workers: Iterable[WorkerState], now: float) -> Table:
    table = Table("role", "worker", "up", "ready", "lag", "last verdict", "teacher", "version")
    for each in workers:
        table.add_row(
            each.role, each.worker, ago(now - each.started), "yes" if each.ready else "no",
            "" if each.lag is None else f"{each.lag:,.0f}",
            "" if each.last_verdict is None else f"{ago(now - each.last_verdict)} ago",
            each.teacher or "", each.version,
        )  # fmt: skip
    return table


def _name(worker: WorkerState) -> str:
    return f"{worker.role} worker {worker.worker}"


def _tree(found: Deployment, incidents: Mapping[str, OpenIncidents]) -> dict[str, Any]:
    return {
        "systems": {
            name: {
                "lines_per_minute": round(view.lines_per_minute, 1),
                **msgspec.to_builtins(view.counts),
                "incidents": incidents[name].number if name in incidents else 0,
                "severity": incidents[name].severity if name in incidents else None,
                "releases": {version or "": count for version, count in view.models.items()},
            }
            for name, view in found.systems.items()
        },
        "workers": found.workers,
        "gone": found.gone,
        "problems": problems(found),
    }
