"""Distil a system's pseudo-labels into a release that may be published: `python -m ray_jobs.distill --system NAME`.

Exit codes: 0 published, 3 refused by the gate, 4 nothing to do, 2 failed. The last line printed is a JSON report.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from fusionlog import settings as environment
from fusionlog.data.bundled import DATASETS
from fusionlog.data.sources import read_source, source_examples
from fusionlog.distillation.distill import Distilled, NothingToDistilError, check_worth, distill
from fusionlog.embedding.encoder import Encoder, VectorCache, find_encoder
from fusionlog.errors import ModelError
from fusionlog.online.operator_verdicts import merged
from fusionlog.releases import bank_vectors
from fusionlog.settings import Settings, refuse_unknown
from ray_jobs import progress, publish, tasks
from ray_jobs.report import Exit, Report, run


async def candidate(settings: Settings, system: str, data: Path | None, names: list[str]) -> Distilled:
    """The release distilled from a system's labels, operators' verdicts, windows and parent release on Kafka, and from
    labelled sources.

    :raises NothingToDistilError: there are too few labels, or the system's method adopts no release of its own.
    :raises SettingError: the systems file does not have the system.
    :raises ModelError: there is no parent release, or it is of another encoder.
    """
    refuse_unknown(settings, system)
    if not settings.rules(system).adapts:
        raise NothingToDistilError(f"the method of {system} is {settings.method_of(system)}, which distils nothing")
    parent = await publish.read_parent(settings, system)
    labels = merged(await publish.read_labels(settings, system), await publish.read_feedback(settings, system))
    if not labels:
        raise NothingToDistilError(f"{system} has no label yet: run  fusionlog worker label")
    check_worth(labels, parent, settings.distill, await publish.last_withdrawn(settings, system))
    windows, show = await publish.read_windows(settings, system), progress.marked("distill")
    show(f"{system}, {len(labels):,} labels, {len(windows):,} windows")
    encoder = Encoder(find_encoder(settings), tasks.cores())
    if encoder.name != parent.encoder:
        raise ModelError(f"release {parent.version} is of encoder {parent.encoder}, but {encoder.name} is configured")
    cache = VectorCache(encoder)
    cache.remember(parent.bank, bank_vectors(parent))
    read = [read_source(data or DATASETS, name, settings.ingest) for name in names]
    sources = [source_examples(source, cache, parent.detector) for source in read]
    kept = settings.distill.model_copy(update={"detector": parent.detector})
    with tasks.connected() as job:
        fits = tasks.RayTrainer(kept, progress.within(show, f"{system}, {len(labels):,} labels"))
        return distill(labels, windows, sources, parent, cache, kept, fits, now=time.time(), job=job)


async def job(settings: Settings, system: str, data: Path | None, names: list[str]) -> tuple[Report, Exit]:
    """Distil, and publish the release if the gate accepts it."""
    started = time.monotonic()
    settings.signatures.check_role("ray")
    try:
        distilled = await candidate(settings, system, data, names)
    except NothingToDistilError as error:
        return Report(outcome="nothing to do", reason=str(error), system=system), Exit.NOTHING_TO_DO
    release, accepted = distilled.release, distilled.report.accepted
    if accepted:
        release = await publish.publish(settings, release)
    report = Report(
        outcome="published" if accepted else "rejected",
        reason=f"{release.version} from {release.lineage.labels} labels; {distilled.report.reason}",
        system=system,
        published=int(accepted),
        version=release.version,
        labels=release.lineage.labels,
        seconds=round(time.monotonic() - started, 2),
        metrics=release.metrics,
    )
    return report, Exit.DONE if accepted else Exit.REJECTED


def main(
    system: Annotated[str, typer.Option(help="the target")],
    data: Annotated[Path | None, typer.Option(help="where the labelled sources are; default: the bundled ones")] = None,
    source: Annotated[list[str] | None, typer.Option(help="a labelled system, for the gate; repeated")] = None,
) -> None:
    """Distil a system's pseudo-labels into a release that may be published."""
    run(system, lambda: job(environment.load(), system, data, source or []))


if __name__ == "__main__":
    typer.run(main)
