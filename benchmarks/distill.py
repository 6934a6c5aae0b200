"""Distillations and an evaluation's runs on one to four Ray workers: `python -m benchmarks.distill --json FILE`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import fmean
from typing import Annotated

import typer

from benchmarks.report import BUNDLED, Figure, write
from fusionlog.data.sources import read_source, source_examples
from fusionlog.data.systems import read_catalog
from fusionlog.detector.examples import balanced
from fusionlog.detector.fitting import model
from fusionlog.distillation.rounds import TrainingSet, distil
from fusionlog.embedding.encoder import Encoder, NamedEncode, VectorCache, find_encoder
from fusionlog.errors import RayError
from fusionlog.evaluation.matrix import FoldChoice, make_tasks
from fusionlog.settings import DistillSettings, Settings, load
from ray_jobs import tasks
from ray_jobs.matrix import scattered

METHOD = "source-only"
WORKERS = (1, 2, 4)


def materials(data: Path, targets: int, encode: NamedEncode, settings: DistillSettings) -> list[TrainingSet]:
    """What as many targets have to be distilled from: a directory's systems in turn, each with another as its source.

    A label says the same here as a teacher's would: how long a fit takes does not depend on what is right.
    """
    cache, names, ingest = VectorCache(encode), list(read_catalog(data)), Settings().ingest
    halves = [source_examples(read_source(data, name, ingest), cache) for name in names]
    return [
        TrainingSet(
            labelled=halves[place % len(halves)].training,
            unlabelled=halves[place % len(halves)].held_out,
            replay=balanced(halves[(place + 1) % len(halves)].training, settings.replay),
        )
        for place in range(targets)
    ]


def distilled(found: Sequence[TrainingSet], settings: DistillSettings) -> list[bytes]:
    """Every target's student, each target by itself: its fits are Ray tasks, one after the other."""
    fits = tasks.RayTrainer(settings)
    with ThreadPoolExecutor(len(found)) as drivers:
        return list(
            drivers.map(lambda each: distil(each, lambda examples: fits([examples])[0], settings.rounds), found)
        )


def matrix(data: Path, settings: Settings) -> int:
    """Every run of a method over a directory's targets and folds, as Ray tasks; how many there were.

    :raises RayError: a run failed.
    """
    todo = make_tasks(data, methods=[METHOD], fold=FoldChoice.both)
    for task, came in scattered(todo, settings, True):
        if isinstance(came, str):
            raise RayError(f"{task.method} on {task.target}, {task.fold}: {came}")
    return len(todo)


def core_seconds(found: TrainingSet, settings: DistillSettings) -> float:
    """Processor time of one target's distillation, without Ray: what any number of targets is estimated from."""
    started = time.process_time()
    distil(found, lambda examples: model(examples, settings), settings.rounds)
    return time.process_time() - started


def on(
    workers: int, works: Sequence[Callable[[], object]], settings: DistillSettings, first: TrainingSet
) -> list[float]:
    """Seconds of each of some works on a Ray of so many workers, all of which have come up and imported torch."""
    with tasks.connected(workers):
        tasks.RayTrainer(settings.model_copy(update={"steps": 1}))([first.labelled] * workers * 2)
        return [_seconds(work) for work in works]


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def measure(found: Sequence[TrainingSet], data: Path, settings: Settings, most: int) -> Iterator[dict[str, float]]:
    """Seconds of the distillations and of the matrix, by number of workers.

    :raises RayError: a task failed, or students differ with the number of workers.
    """
    distill, students = settings.distill, list[bytes]()

    def teach() -> None:
        made = distilled(found, distill)
        if students and students != made:
            raise RayError("other students came of the same labels on another number of workers")
        students[:] = made

    works = (teach, lambda: matrix(data, settings))
    for workers in WORKERS:
        if workers <= most:
            first, second = on(workers, works, distill, found[0])
            yield {"workers": workers, "targets": len(found), "distillation_seconds": first, "matrix_seconds": second}


def main(
    json: Annotated[Path | None, typer.Option(help="write the figure here")] = None,
    data: Annotated[Path, typer.Option(help="a directory in the form of datasets/README.md")] = BUNDLED,
    targets: Annotated[int, typer.Option(min=1, help="to be distilled")] = 4,
    most: Annotated[int, typer.Option(min=1, help="workers")] = max(WORKERS),
) -> None:
    """Distil and evaluate on Rays of this run's own; the figure is the distillations on two workers against one."""
    settings = load()
    encode = Encoder(find_encoder(settings))
    targeted = materials(data, targets, encode, settings.distill)
    each_takes = [core_seconds(one, settings.distill) for one in targeted]
    typer.echo(
        f"  a distillation takes {fmean(each_takes):.1f} s of a core ({min(each_takes):.1f} to {max(each_takes):.1f})"
    )
    found: list[dict[str, float]] = []
    for each in measure(targeted, data, settings, most):
        found.append(each)
        ratios = {name: found[0][name] / each[name] for name in ("distillation_seconds", "matrix_seconds")}
        each |= {name.replace("seconds", "ratio"): ratio for name, ratio in ratios.items()}
        typer.echo(f"  {each}")
    one = found[0]
    two = found[min(1, len(found) - 1)]
    figure = Figure(
        name=f"distillations on {os.cpu_count()} cores", value=targets / two["distillation_seconds"], unit="targets/s",
        baseline="one worker", baseline_value=targets / one["distillation_seconds"], ratio=two["distillation_ratio"],
        details={"a distillation": {"core_seconds": fmean(each_takes)}}
        | {f"{each['workers']:.0f} workers": each for each in found},
    )  # fmt: skip
    typer.echo(f"{figure.name}: {figure.ratio:.2f} times one worker")
    write(figure, json)


if __name__ == "__main__":
    typer.run(main)
