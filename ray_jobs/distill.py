"""Distil targets' pseudo-labels into releases that may be published: `python -m ray_jobs.distill --system NAME ...`.

One job for all targets: labels, windows and releases are read from Kafka once, labelled sources once, and each target
is a Ray task (`ray_jobs/targets.py`). A release is published as soon as its task has ended.

Exit codes: 0 published, 3 refused by the gate, 4 nothing to do, 2 failed, 5 some of several targets failed. The last
line printed is a JSON report.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec
import typer

from fusionlog import settings as environment
from fusionlog.data.sources import Source
from fusionlog.distillation.distill import NothingToDistilError, check_worth
from fusionlog.errors import FusionLogError
from fusionlog.records import ModelRelease, Window
from fusionlog.settings import Settings, refuse_unknown, without_secrets
from ray_jobs import material, progress, publish, shared, sources, targets, tasks
from ray_jobs.material import Blocks, Labels, Material
from ray_jobs.progress import Show
from ray_jobs.report import Exit, Report, TargetReport, merged, run
from ray_jobs.sources import Places
from ray_jobs.targets import Ended, Order


@dataclass(frozen=True)
class Due:
    """A target that is worth a distillation: its material, and the release that the next one begins with."""

    material: Material
    parent: ModelRelease

    @property
    def system(self) -> str:
        """The target."""
        return self.material.system


async def job(settings: Settings, systems: Sequence[str], places: Places) -> tuple[Report, Exit]:
    """Distil targets, and publish each release that the gate accepts."""
    began, now, show = time.monotonic(), time.time(), progress.marked("distill")
    systems = list(dict.fromkeys(systems))
    settings.signatures.check_role("ray")
    places.check(systems)
    ended: list[TargetReport] = []
    due: list[Due] = []
    labels = await material.read_labels(settings, systems)
    for system in systems:
        found = triage(settings, labels, system)
        if isinstance(found, Due):
            due.append(found)
        else:
            ended.append(found)
    show(f"{sum(map(len, labels.labels.values())):,} labels, {len(due)} of {len(systems)} targets are due")
    if due:
        with tasks.connected() as job_id:
            orders, common = await _prepare(settings, due, places, now, show)
            for order, result in targets.distil_all(orders, common, without_secrets(settings), job_id, show):
                ended.append(await _end(settings, order, result))
                show(_sentence(ended[-1], len(ended), len(systems)))
    return merged(sorted(ended, key=lambda each: systems.index(each.system)), time.monotonic() - began)


def triage(settings: Settings, labels: Labels, system: str) -> Due | TargetReport:
    """A target that is due, or the report of one that is not: the job goes on without it."""
    try:
        refuse_unknown(settings, system)
        if not settings.rules(system).adapts:
            raise NothingToDistilError(f"the method of {system} is {settings.method_of(system)}, which distils nothing")
        found = labels.of(system)
        if not found.labels:
            raise NothingToDistilError(f"{system} has no label yet: run  fusionlog worker label")
        if found.parent is None:
            raise publish.no_parent(settings, system)
        check_worth(found.labels, found.parent, settings.distill, found.withdrawn)
    except NothingToDistilError as error:
        return TargetReport(system=system, outcome="nothing to do", reason=str(error))
    except FusionLogError as error:
        return TargetReport(system=system, outcome="failed", reason=str(error))
    return Due(found, found.parent)


async def _prepare(
    settings: Settings, due: Sequence[Due], places: Places, now: float, show: Show
) -> tuple[list[Order], shared.Reference]:
    """The orders of targets, and what their tasks share, all of it in the object store."""
    systems = [each.system for each in due]
    on_kafka = [each.system for each in places.on_kafka]
    windows = await material.read_windows(settings, list(dict.fromkeys((*systems, *on_kafka))), shared.put)
    show(
        f"{sum(each.windows for each in windows.values()):,} windows of {len(windows)} systems, "
        f"{sum(each.size for each in windows.values()) / 1e6:.1f} MB packed, "
        f"{sum(each.left_out for each in windows.values()):,} older ones left out"
    )

    def of_source(system: str) -> list[Window]:
        return material.windows_of(block.place.read() for block in windows[system].blocks)

    found: list[Source] = sources.read(places, systems, settings, of_source, show)
    parents = {each.parent.version: each.parent for each in due}
    encoder = shared.encoder_of(without_secrets(settings), 1).name
    same = [parent for parent in parents.values() if parent.encoder == encoder]
    common = shared.share(found, same, without_secrets(settings))
    put = {version: shared.put(parent) for version, parent in parents.items()}
    orders = [_order(settings, each, windows[each.system], put[each.parent.version], now) for each in due]
    return orders, common


def _order(settings: Settings, due: Due, windows: Blocks, parent: shared.Reference, now: float) -> Order:
    labels = due.material.labels[-settings.distill.task_labels :]
    return Order(due.system, labels, [block.place for block in windows.blocks], parent, now)


async def _end(settings: Settings, order: Order, ended: Ended) -> TargetReport:
    """The report of a target; its release is published where the gate accepted it."""
    found = _outcome(order.system, ended)
    if ended.distilled is not None and found.outcome == "published":
        try:
            await publish.publish(settings, ended.distilled.release)
        except FusionLogError as error:
            found = TargetReport(system=order.system, outcome="failed", reason=str(error))
    return msgspec.structs.replace(found, windows=ended.windows, seconds=ended.seconds, peak_bytes=ended.peak_bytes)


def _outcome(system: str, ended: Ended) -> TargetReport:
    if ended.distilled is None:
        if ended.failed:
            return TargetReport(system=system, outcome="failed", reason=ended.failed)
        return TargetReport(system=system, outcome="nothing to do", reason=ended.nothing_to_do)
    release, gate = ended.distilled.release, ended.distilled.report
    return TargetReport(
        system=system,
        outcome="published" if gate.accepted else "rejected",
        reason=f"{release.version} from {release.lineage.labels} labels; {gate.reason}",
        version=release.version,
        labels=release.lineage.labels,
        metrics=release.metrics,
    )


def _sentence(ended: TargetReport, number: int, of: int) -> str:
    """One line on a target that has ended."""
    return (
        f"{ended.system}, {ended.outcome}: {ended.reason} ({ended.seconds:.1f} s, {ended.windows:,} windows, "
        f"{ended.peak_bytes / 2**20:,.0f} MiB at most; {number} of {of} targets)"
    )


def main(
    system: Annotated[list[str], typer.Option(help="a target; repeated: all of them are one job")],
    data: Annotated[list[str] | None, typer.Option("--sources", "--data", help=sources.HELP)] = None,
    source: Annotated[list[str] | None, typer.Option(help="a labelled system, for the gate; repeated")] = None,
) -> None:
    """Distil targets' pseudo-labels into releases that may be published."""
    run(", ".join(system), lambda: job(environment.load(), system, Places.of(data or (), source or ())))


if __name__ == "__main__":
    typer.run(main)
