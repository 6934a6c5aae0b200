"""One to four ingest workers on one topic of four partitions: `python -m benchmarks.workers --json FILE`."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from benchmarks.lines import open_stream
from benchmarks.processes import LossError, Worker, together, unaccounted, until, workers
from benchmarks.report import Figure, data_directory, write
from benchmarks.stage import Stage, fill, kafka, model_of, prepare
from fusionlog.embedding.encoder import Encoder, find_encoder
from fusionlog.settings import load

PARTITIONS = 4
TINY = 1e-3


class Mark(NamedTuple):
    """Lines that are taken and not given back, the clock, and the processor time of all workers, in seconds."""

    lines: float
    wall: float
    core: float


async def measure(stage: Stage, encoder: Path, number: int, lines: int) -> dict[str, float]:
    """Lines a second that so many workers take of a topic, by the clock and of a core's time, once each has its share.

    :raises LossError: the counts do not conserve.
    """
    settings = stage.settings(f"w{number}.")
    await prepare(settings, model_of(stage.stream, Encoder(encoder)))
    async with workers(["ingest"] * number, stage.env(settings, encoder), stage.directory) as all_:
        await until(lambda: all(worker.counts()["fusionlog_lines_total"] for worker in all_))
        first = mark(all_)
        await until(lambda: mark(all_).lines >= lines)
        last, counts = mark(all_), together(all_)
    if unaccounted(counts) or last.lines != lines:
        raise LossError(f"{number} workers took {last.lines:.0f} of {lines} lines: {dict(counts)}")
    taken, wall, core = (max(after - before, TINY) for before, after in zip(first, last, strict=True))
    return {"workers": number, "lines": taken, "value": taken / wall, "of_a_core": taken / core, "cores": core / wall}


def mark(some: list[Worker]) -> Mark:
    """Where the workers are now."""
    counts: Counter[str] = together(some)
    again = counts["fusionlog_lines_released_total"] + counts["fusionlog_lines_repeated_total"]
    lines = counts["fusionlog_lines_total"] - again
    return Mark(lines, time.perf_counter(), counts["process_cpu_seconds_total"])


async def compare(stage: Stage, encoder: Path, most: int, lines: int) -> list[dict[str, float]]:
    """One worker, then one more each time, each time with a consumer group of its own on the same lines."""
    settings = stage.settings("fill.")
    await prepare(settings)
    await fill(settings, stage.stream, lines)
    return [await measure(stage, encoder, number, lines) for number in range(1, most + 1)]


def main(
    json: Annotated[Path | None, typer.Option(help="write the figure here")] = None,
    data: Annotated[Path | None, typer.Option(help="a directory in the form of datasets/README.md")] = None,
    system: Annotated[str | None, typer.Option(help="default: the first of the directory")] = None,
    lines: Annotated[int, typer.Option(min=1, help="raw lines, the recorded stream repeated")] = 1_000_000,
    most: Annotated[int, typer.Option(min=2, max=PARTITIONS)] = PARTITIONS,
) -> None:
    """Start more and more ingest workers; the figure is the best of several against one."""
    encoder, stream = find_encoder(load()), open_stream(data or data_directory(), system)
    with kafka() as broker, tempfile.TemporaryDirectory() as directory:
        stage = Stage(broker.settings, stream, Path(directory), PARTITIONS)
        found = asyncio.run(compare(stage, encoder, most, lines))
    for each in found:
        typer.echo(
            f"  {each['workers']}: {each['value']:,.0f} lines/s by the clock on {each['cores']:.2f} cores, "
            f"{each['of_a_core']:,.0f} of a core's time"
        )
    one, best = found[0], max(found[1:], key=lambda each: each["value"])
    figure = Figure(
        name=f"{best['workers']} workers, {stream.name}", value=best["value"], unit="lines/s", baseline="one worker",
        baseline_value=one["value"], ratio=best["value"] / one["value"],
        details={f"{each['workers']}": each for each in found},
    )  # fmt: skip
    typer.echo(str(figure))
    write(figure, json)


if __name__ == "__main__":
    typer.run(main)
