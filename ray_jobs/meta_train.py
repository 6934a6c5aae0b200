"""Train the base model and publish it: `python -m ray_jobs.meta_train --data DIR --source NAME ...`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from fusionlog import settings as environment
from fusionlog.data.bundled import DATASETS
from fusionlog.data.sources import Source, read_source
from fusionlog.distillation.base_model import base_release
from fusionlog.distillation.source_regressions import fit_offline, with_offline_fit
from fusionlog.embedding.encoder import Encoder, VectorCache, find_encoder
from fusionlog.releases import BASE
from fusionlog.settings import Settings
from ray_jobs import progress, publish, tasks
from ray_jobs.progress import Show, within
from ray_jobs.report import Exit, Report, run


async def train(settings: Settings, data: Path, names: list[str]) -> tuple[Report, Exit]:
    """Read the labelled sources, train the base model, publish its release."""
    started, show = time.monotonic(), progress.marked("meta-train")
    settings.signatures.check_role("ray")
    sources = [_read(settings, data, name, show) for name in names]
    with tasks.connected() as job:
        encoder = Encoder(find_encoder(settings), tasks.cores())
        sessions = sum(len(source.anomalous) for source in sources)
        fits = tasks.RayTrainer(settings.distill, within(show, f"{', '.join(names)}, {sessions:,} sessions"))
        release = with_offline_fit(
            base_release(sources, VectorCache(encoder), encoder.name, settings.distill, fits, now=time.time(), job=job),
            fit_offline(sources, encoder),
        )
    release = await publish.publish(settings, release)
    reason = f"base model {release.version} of {', '.join(names)}, {len(release.bank)} events, tau {release.tau:.2f}"
    if release.offline_teacher is None:
        reason += "; it carries no offline teacher: no source has both anomalous and other windows"
    seconds = round(time.monotonic() - started, 2)
    report = Report(
        outcome="published", reason=reason, system=BASE, published=1, version=release.version, seconds=seconds,
        metrics=release.metrics,
    )  # fmt: skip
    return report, Exit.DONE


def _read(settings: Settings, data: Path, name: str, show: Show) -> Source:
    source = read_source(data, name, settings.ingest)
    show(f"{name}, {len(source.anomalous):,} sessions")
    return source


def main(
    source: Annotated[list[str], typer.Option(help="a labelled system of the data; may be given again")],
    data: Annotated[Path, typer.Option(help="a directory in the form of datasets/README.md")] = DATASETS,
) -> None:
    """Train the base model on labelled sources and publish it."""
    run(BASE, lambda: train(environment.load(), data, source))


if __name__ == "__main__":
    typer.run(main)
