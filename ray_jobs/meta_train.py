"""Train the base model and publish it: `python -m ray_jobs.meta_train --sources URL --source NAME ...`."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from fusionlog import settings as environment
from fusionlog.distillation.base_model import base_release
from fusionlog.distillation.source_regressions import fit_offline, with_offline_fit
from fusionlog.embedding.encoder import Encoder, VectorCache, find_encoder
from fusionlog.records import Window
from fusionlog.releases import BASE
from fusionlog.settings import Settings
from ray_jobs import material, progress, publish, tasks
from ray_jobs.progress import within
from ray_jobs.report import Exit, Report, run
from ray_jobs.sources import HELP, Places
from ray_jobs.sources import read as read_sources


async def train(settings: Settings, places: Places) -> tuple[Report, Exit]:
    """Read the labelled sources, train the base model, publish its release."""
    started, show = time.monotonic(), progress.marked("meta-train")
    settings.signatures.check_role("ray")
    windows = await material.read_windows(settings, [each.system for each in places.on_kafka], bytes)

    def of_source(system: str) -> list[Window]:
        return material.windows_of(block.place for block in windows[system].blocks)

    sources = read_sources(places, (), settings, of_source, show)
    names = [source.system for source in sources]
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


def main(
    source: Annotated[list[str] | None, typer.Option(help="a labelled system of them; repeated; default: all")] = None,
    data: Annotated[list[str] | None, typer.Option("--sources", "--data", help=HELP)] = None,
) -> None:
    """Train the base model on labelled sources and publish it."""
    run(BASE, lambda: train(environment.load(), Places.of(data or (), source or ())))


if __name__ == "__main__":
    typer.run(main)
