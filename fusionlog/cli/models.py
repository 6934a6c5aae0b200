"""`fusionlog models`: list, show and compare releases, publish one, save one, roll back, restore."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from msgspec.structs import replace
from rich.console import Console
from rich.table import Table

from fusionlog import releases, settings
from fusionlog.bundled.base import read_base, refuse_targets
from fusionlog.cli.models_diff import diff
from fusionlog.cli.models_view import ReleaseView, release_lines, view_of
from fusionlog.cli.printing import ago, printable, user
from fusionlog.cli.rollback import until_used
from fusionlog.embedding.source import configured_name
from fusionlog.errors import BrokerError, ModelError, SettingError
from fusionlog.online.rollback import scope
from fusionlog.records import ModelRelease
from fusionlog.settings import Settings, read_systems
from fusionlog.signing.envelope import key_of
from fusionlog.signing.signatures import OFF, REMEDY
from fusionlog.utils.files import replace_file

app = typer.Typer(help="List model releases, show, publish, save, roll back to, or restore one.", no_args_is_help=True)
app.command()(diff)
System = Annotated[str | None, typer.Option(help="only of this system; * is the base")]


@app.command("list")
def show(
    system: System = None,
    json: Annotated[bool, typer.Option("--json", help="print one JSON object a line")] = False,
) -> None:
    """Show the releases on the model topic, and how many workers use each.

    The last of each system that is not withdrawn is in use.
    """
    config = settings.load()
    everything, users = asyncio.run(_listed(config))
    settings.refuse_unknown(config, system, [each.system for each in everything])
    found = [each for each in everything if system in (None, each.system)]
    if json:
        for release in found:
            typer.echo(msgspec.json.encode(tree(release, users[release.version])).decode())
        return
    Console(soft_wrap=True).print(_table([(each, users[each.version]) for each in found]))
    for release in found:
        for line in withdrawal_lines(release):
            Console(soft_wrap=True).print(line, markup=False, highlight=False)
    if not config.signatures.verifies:
        Console(stderr=True, soft_wrap=True).print(f"{OFF}: {REMEDY}", highlight=False)


@app.command("show")
def show_one(
    version: Annotated[str, typer.Argument(help="a version shown by `fusionlog models list`")],
    json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Show a release: its lineage, what the gate measured, and how it was trained."""
    view = asyncio.run(_view(settings.load(), version))
    if json:
        typer.echo(msgspec.json.encode(view).decode())
        return
    for line in release_lines(view):
        Console(soft_wrap=True).print(printable(line), markup=False, highlight=False)


@app.command()
def rollback(
    target: Annotated[
        str, typer.Argument(help="previous, base, or the beginning of a version shown by `fusionlog models list`")
    ] = "previous",
    system: Annotated[str | None, typer.Option(help="of previous and base: the system; * is the base")] = None,
    note: Annotated[str, typer.Option(help="why; it is kept with what is withdrawn")] = "",
    wait: Annotated[bool, typer.Option(help="wait until the running workers use it, a minute at most")] = True,
) -> None:
    """Use an earlier release of a system again, or the base: every worker swaps to it without a restart.

    An earlier one is published under a new version, and no guard withdraws it. For the base, the releases of the system
    are withdrawn: `fusionlog models restore` undoes that; the next one that is distilled from newer labels is used.
    """
    for line in asyncio.run(_rollback(settings.load(), target, system, note, wait)):
        Console(soft_wrap=True).print(printable(line), markup=False, highlight=False)


@app.command()
def restore(
    version: Annotated[str, typer.Argument(help="a withdrawn version shown by `fusionlog models list`")],
) -> None:
    """Undo the withdrawal of a release: workers use it again without a restart, and no guard withdraws it."""
    Console(soft_wrap=True).print(asyncio.run(_restore(settings.load(), version)), highlight=False)


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


def withdrawal_lines(release: ModelRelease) -> Iterator[str]:
    """Why a release is withdrawn, and how that is undone; nothing of any other."""
    withdrawn = release.withdrawn
    if withdrawn is not None:
        yield f"{release.version} was withdrawn at {_time(withdrawn.at)}: {withdrawn.reason}"
        yield f"  undo: fusionlog models restore {release.version}"


async def _read(config: Settings) -> list[ModelRelease]:
    from fusionlog.workers.operator_actions import read_releases

    return await read_releases(config)


async def _publish(config: Settings, release: ModelRelease) -> str:
    """Publish a release, where the topic does not have it yet; returns what there is to know."""
    from ray_jobs import publish as topic

    check_usable(config, release)
    release = replace(release, guarded=True)
    found = [each for each in await _read(config) if each.system == release.system]
    same = [each for each in found if each.version == release.version]
    for each in (release, *same):
        _refuse_withdrawn(each)
    if any(_usable(each, release, config) for each in same):
        return f"{release.version} is on {config.topics.models.name} already{_rank(release, found)}"
    signed = await topic.publish(config, release)
    on_topic = f"{signed.version} is on {config.topics.models.name}"
    return f"{on_topic}, {'' if signed.signature else 'not '}signed{_rank(signed, found)}"


def _rank(release: ModelRelease, found: Sequence[ModelRelease]) -> str:
    """What workers use in place of a release, where the topic has a newer one of its system."""
    newer = [each.version for each in found if each.created > release.created and each.withdrawn is None]
    return f"; workers keep {newer[-1]}, which is newer" if newer else ""


def _usable(found: ModelRelease, release: ModelRelease, config: Settings) -> bool:
    """Whether a release of the topic is this one, and verifies under the settings' key."""
    try:
        releases.verify(found, config.signatures)
    except ModelError:
        return False
    return releases.digest(replace(found, guarded=True)) == releases.digest(release)


async def _find(config: Settings, version: str) -> ModelRelease:
    from fusionlog.workers.operator_actions import verified_release

    return await verified_release(config, version)


async def _view(config: Settings, version: str) -> ReleaseView:
    from fusionlog.kafka.table import read_all

    release = await _find(config, version)
    found = [record.artefact for _, record in await read_all(config, config.topics.training)]
    training = next((each for each in found if each is not None and each.version == version), None)
    return view_of(release, _state(release), training)


def _refuse_withdrawn(release: ModelRelease) -> None:
    """:raises ModelError: the release is withdrawn."""
    if release.withdrawn is not None:
        raise ModelError(
            f"release {release.version} is withdrawn ({release.withdrawn.reason}): where it shall be used, run  "
            f"fusionlog models restore {release.version}"
        )


async def _restore(config: Settings, version: str) -> str:
    from fusionlog.workers.operator_actions import restore

    again = await restore(config, "cli", version)
    found = [each for each in await _read(config) if each.system == again.system]
    return f"{again.version} of system {again.system} is restored{_rank(again, found)}"


async def _rollback(config: Settings, target: str, system: str | None, note: str, wait: bool) -> list[str]:
    from fusionlog.workers.operator_actions import roll_back

    settings.refuse_unknown(config, system, [each.system for each in await _read(config)])
    reason = f"{user()} rolled back" + (f": {note}" if note else "")
    rollback, found = await roll_back(config, "cli", target, system, reason)
    lines = scope(rollback, found, list(config.systems))
    return [*lines, await until_used(config, rollback)] if wait else lines


def tree(release: ModelRelease, used_by: int) -> dict[str, Any]:
    """A release without its model, as a list shows it. `used_by` counts the running workers that use it."""
    lineage = release.lineage
    return {
        "system": release.system, "version": release.version, "state": _state(release), "used_by": used_by,
        "created": release.created, "parent": lineage.parent, "labels": lineage.labels, "rounds": lineage.rounds,
        "tau": release.tau, "events": len(release.bank), "bytes": len(release.onnx) + len(release.vectors),
        "metrics": release.metrics, "signed_by": key_of(release.signature),
    }  # fmt: skip


def _table(found: Sequence[tuple[ModelRelease, int]]) -> Table:
    """The table of releases; a version is shown whole, for it is what other commands take."""
    table = Table()
    for name in (
        "system",
        "version",
        "state",
        "used by",
        "age",
        "parent",
        "labels",
        "agreement",
        "tau",
        "events",
        "kB",
    ):
        table.add_column(name, no_wrap=name in ("system", "version"))
    table.add_column("signed")
    for release, used_by in found:
        table.add_row(*_row(release, used_by))
    return table


def _row(release: ModelRelease, used_by: int) -> list[str]:
    lineage, agreement = release.lineage, release.metrics.get("teacher_agreement")
    return [
        release.system, release.version, _state(release), f"{used_by} workers" if used_by else "",
        ago(time.time() - release.created), lineage.parent or "", str(lineage.labels),
        "" if agreement is None else f"{agreement:.3f}", f"{release.tau:.2f}", str(len(release.bank)),
        f"{(len(release.onnx) + len(release.vectors)) / 1000:.0f}", key_of(release.signature) or "no",
    ]  # fmt: skip


async def _listed(config: Settings) -> tuple[list[ModelRelease], Counter[str]]:
    """The releases, and how many running workers use each version."""
    from fusionlog.cli.status import read

    found = await _read(config)
    try:
        workers = (await read(config)).workers
    except BrokerError:  # A deployment whose topics are of an earlier version: no worker reports.
        workers = []
    return found, Counter(version for each in workers for version in set(each.models.values()) if version)


def _state(release: ModelRelease) -> str:
    if release.withdrawn is not None:
        return f"withdrawn: {release.withdrawn.cause}"
    return "" if release.guarded else "chosen"


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
