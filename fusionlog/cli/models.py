"""`fusionlog models`: list releases, publish the bundled one or one of a file, save one, roll back to one."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import replace
from rich.console import Console
from rich.table import Table

from fusionlog import releases, settings
from fusionlog.bundled.base import read_base, refuse_targets
from fusionlog.embedding.source import configured_name
from fusionlog.errors import ModelError, SettingError
from fusionlog.records import ModelRelease
from fusionlog.settings import Settings, read_systems
from fusionlog.signing.envelope import key_of
from fusionlog.signing.signatures import OFF, REMEDY
from fusionlog.utils.files import replace_file

app = typer.Typer(help="List model releases, publish, save, or roll back to one.", no_args_is_help=True)
System = Annotated[str | None, typer.Option(help="only of this system; * is the base")]


@app.command("list")
def show(system: System = None) -> None:
    """Show the releases on the model topic; the last of each system is the newest and in use."""
    config = settings.load()
    found = asyncio.run(_read(config))
    table = Table("system", "version", "made", "parent", "labels", "rounds", "tau", "events", "kB", "metrics", "signed")
    for release in found:
        if system in (None, release.system):
            table.add_row(*_row(release))
    Console().print(table)
    if not config.signatures.verifies:
        Console(stderr=True, soft_wrap=True).print(f"{OFF}: {REMEDY}", highlight=False)


@app.command()
def rollback(
    version: Annotated[str, typer.Argument(help="a version shown by `fusionlog models list`")],
) -> None:
    """Publish an earlier release under a new version, so that every worker swaps to it."""
    again = asyncio.run(_rollback(settings.load(), version))
    Console().print(f"{again.version} is {version} again, for system {again.system}", highlight=False)


@app.command()
def publish(
    file: Annotated[Path | None, typer.Argument(help="a release's file, as `fusionlog models save` writes it")] = None,
    bundled: Annotated[bool, typer.Option("--bundled", help="the base release that is part of the package")] = False,
) -> None:
    """Put the bundled base, or a release of a file, on the model topic; signed where there is a key."""
    if bundled == (file is not None):
        raise SettingError("--bundled", bundled, "name either a file or --bundled")
    release = read_base() if file is None else releases.read_release(file)
    Console(soft_wrap=True).print(asyncio.run(_publish(settings.load(), release)), highlight=False)


@app.command()
def save(
    version: Annotated[str, typer.Argument(help="a version shown by `fusionlog models list`")],
    file: Annotated[Path, typer.Argument(help="gzipped JSON; `fusionlog models publish` reads it")],
) -> None:
    """Write a release of the model topic to a file."""
    release = asyncio.run(_find(settings.load(), version))
    replace_file(file, releases.release_bytes(release))
    Console(soft_wrap=True).print(f"{file}: {release.version}, sha256 {release.sha256}", highlight=False)


def check_usable(config: Settings, release: ModelRelease) -> None:
    """Check that the workers of these settings would take a release into use.

    :raises ModelError: it was trained on labels of a target, or is of another encoder.
    """
    if release.system == releases.BASE:
        refuse_targets(release, read_systems(config.systems_file) if config.systems_file else {})
    encoder = configured_name(config)
    if encoder is not None and encoder != release.encoder:
        raise ModelError(
            f"release {release.version} is of encoder {release.encoder}, but {encoder} is configured: unset "
            "FUSIONLOG_ENCODER and FUSIONLOG_ENCODER_MODEL, or train a base with that encoder (fusionlog meta-train)"
        )


def again_at(release: ModelRelease, now: float) -> ModelRelease:
    """A copy of a release under a new version, with the original as its parent; not signed."""
    lineage = replace(release.lineage, parent=release.version)
    version = releases.new_version(now, release.system)
    return replace(release, version=version, created=now, lineage=lineage, sha256="", signature=None)


async def _read(config: Settings) -> list[ModelRelease]:
    from fusionlog.kafka.table import read_all

    found: list[ModelRelease] = [release for _, release in await read_all(config, config.topics.models)]
    return sorted(found, key=lambda release: (release.system, release.created))


async def _publish(config: Settings, release: ModelRelease) -> str:
    """Publish a release, where the topic does not have it yet; returns what there is to know."""
    from ray_jobs import publish as topic

    check_usable(config, release)
    found = [each for each in await _read(config) if each.system == release.system]
    newer = [each.version for each in found if each.created > release.created]
    rank = f"; workers keep {newer[-1]}, which is newer" if newer else ""
    if any(each.version == release.version and _usable(each, release, config) for each in found):
        return f"{release.version} is on {config.topics.models.name} already{rank}"
    signed = await topic.publish(config, release)
    return f"{signed.version} is on {config.topics.models.name}, {'' if signed.signature else 'not '}signed{rank}"


def _usable(found: ModelRelease, release: ModelRelease, config: Settings) -> bool:
    """Whether a release of the topic is this one, and verifies under the settings' key."""
    try:
        releases.verify(found, config.signatures)
    except ModelError:
        return False
    return found.sha256 == release.sha256


async def _find(config: Settings, version: str) -> ModelRelease:
    found = {release.version: release for release in await _read(config)}
    if version not in found:
        raise ModelError(f"no release {version} on {config.topics.models.name} (it has {', '.join(found) or 'none'})")
    releases.verify(found[version], config.signatures)
    return found[version]


async def _rollback(config: Settings, version: str) -> ModelRelease:
    from ray_jobs.publish import publish

    return await publish(config, again_at(await _find(config, version), time.time()))


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
        key_of(release.signature) or "no",
    ]
