"""`fusionlog models`: list the releases, and roll back to an earlier one."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Annotated

import typer
from msgspec.structs import replace
from rich.console import Console
from rich.table import Table

from fusionlog import releases, settings
from fusionlog.errors import ModelError
from fusionlog.records import ModelRelease
from fusionlog.settings import Settings

app = typer.Typer(help="List model releases, or roll back to one.", no_args_is_help=True)
System = Annotated[str | None, typer.Option(help="only of this system; * is the base")]


@app.command("list")
def show(system: System = None) -> None:
    """Show the releases on the model topic; the last of each system is the newest and in use."""
    found = asyncio.run(_read(settings.load()))
    table = Table("system", "version", "made", "parent", "labels", "rounds", "tau", "events", "kB", "metrics")
    for release in found:
        if system in (None, release.system):
            table.add_row(*_row(release))
    Console().print(table)


@app.command()
def rollback(
    version: Annotated[str, typer.Argument(help="a version shown by `fusionlog models list`")],
) -> None:
    """Publish an earlier release under a new version, so that every worker swaps to it."""
    again = asyncio.run(_rollback(settings.load(), version))
    Console().print(f"{again.version} is {version} again, for system {again.system}", highlight=False)


def again_at(release: ModelRelease, now: float) -> ModelRelease:
    """A copy of a release under a new version, with the original as its parent; not signed."""
    lineage = replace(release.lineage, parent=release.version)
    version = releases.new_version(now, release.system)
    return replace(release, version=version, created=now, lineage=lineage, sha256="", signature=None)


async def _read(config: Settings) -> list[ModelRelease]:
    from fusionlog.kafka.table import read_all

    found: list[ModelRelease] = [release for _, release in await read_all(config, config.topics.models)]
    return sorted(found, key=lambda release: (release.system, release.created))


async def _rollback(config: Settings, version: str) -> ModelRelease:
    from ray_jobs.publish import publish

    found = {release.version: release for release in await _read(config)}
    if version not in found:
        raise ModelError(f"no release {version} on {config.topics.models.name} (it has {', '.join(found) or 'none'})")
    releases.verify(found[version], config.signing_key)
    return await publish(config, again_at(found[version], time.time()))


def _row(release: ModelRelease) -> list[str]:
    made = datetime.fromtimestamp(release.created, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    measured = ", ".join(f"{name} {value:.3g}" for name, value in sorted(release.metrics.items()))
    lineage = release.lineage
    size = (len(release.onnx) + len(release.vectors)) / 1000
    return [
        release.system,
        release.version,
        made,
        lineage.parent or "",
        str(lineage.labels),
        str(lineage.rounds),
        f"{release.tau:.2f}",
        str(len(release.bank)),
        f"{size:.0f}",
        measured,
    ]
