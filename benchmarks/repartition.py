"""What `repartition: true` costs: `python -m benchmarks.repartition --json FILE`.

One worker reads the same lines from four partitions: keyed by their session, and scattered, by way of the keyed topic.
"""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from prometheus_client import REGISTRY

from benchmarks.ingest import GIVE_UP_SECONDS, POLL_SECONDS, Meter, Rate, knowing, pipeline
from benchmarks.lines import Stream, open_stream
from benchmarks.report import Figure, data_directory, write
from benchmarks.stage import Stage, fill, kafka, model_of, prepare
from fusionlog.embedding.encoder import Encoder, NamedEncode, find_encoder
from fusionlog.settings import KafkaSettings, Settings, load
from fusionlog.utils.gc_tuning import tune_gc
from fusionlog.workers.ingest.raw_partitions import raw_consumer
from fusionlog.workers.ingest.tally import Input

PARTITIONS = 4


@dataclass(frozen=True)
class Scattered(Stream):
    """A stream whose shipper keys nothing."""

    def partition(self, line: bytes, place: int, partitions: int) -> int:
        """The partitions in turn."""
        return place % partitions


def counted(name: str, input: Input) -> int:
    """Lines that this process has read of an input of a system."""
    return int(REGISTRY.get_sample_value("fusionlog_lines_total", {"system": name, "input": input}) or 0)


async def rate(settings: Settings, stream: Stream, lines: int, encode: NamedEncode, input: Input) -> Rate:
    """The rate of a worker, from its first lines until all have gone through its last stage."""
    meter, before = Meter(), counted(stream.name, input)
    knowledge = knowing(settings, stream.name, model_of(stream, encode), encode)
    async with pipeline(settings, knowledge) as work:
        reader = raw_consumer(settings, work)
        await reader.start()
        reading = asyncio.create_task(reader.run())
        try:
            async with asyncio.timeout(GIVE_UP_SECONDS):
                while meter.see(counted(stream.name, input) - before) < lines:
                    await asyncio.sleep(POLL_SECONDS)
                    if reading.done():
                        reading.result()
                await work.settle(GIVE_UP_SECONDS)
            meter.see(counted(stream.name, input) - before)
        finally:
            await reader.stop()
            await reading
    return meter.rate


async def measure(
    broker: KafkaSettings, directory: Path, stream: Stream, encode: NamedEncode, lines: int
) -> dict[str, Rate]:
    """The rates without and with a keyed topic, of one run."""
    found = {}
    scattered = Scattered(stream.name, stream.system.model_copy(update={"repartition": True}), stream.lines)
    stages: list[tuple[str, Stream, Input]] = [
        ("keyed by the shipper", stream, "raw"),
        ("repartitioned", scattered, "keyed"),
    ]
    for contender, each, input in stages:
        stage = Stage(broker, each, directory, PARTITIONS)
        settings = stage.settings(f"{input}.")
        await prepare(settings)
        await fill(settings, each, lines)
        tune_gc()
        found[contender] = await rate(settings, each, lines, encode, input)
    return found


def main(
    json: Annotated[Path | None, typer.Option(help="write the figure here")] = None,
    data: Annotated[Path | None, typer.Option(help="a directory in the form of datasets/README.md")] = None,
    system: Annotated[str | None, typer.Option(help="default: the first of the directory")] = None,
    lines: Annotated[int, typer.Option(min=1, help="raw lines, the recorded stream repeated")] = 300_000,
) -> None:
    """Read a system's lines from an Apache Kafka of this run's own, once keyed and once scattered over partitions."""
    encode = Encoder(find_encoder(load()))
    stream = open_stream(data or data_directory(), system)
    with kafka() as broker, tempfile.TemporaryDirectory() as directory:
        found = asyncio.run(measure(broker.settings, Path(directory), stream, encode, lines))
    for contender, each in found.items():
        typer.echo(f"  {contender}: {each.core:,.0f} lines/s of one core's time, {each.wall:,.0f} by the clock")
    theirs, mine = found.values()
    figure = Figure(
        name=f"repartition {stream.name}", value=mine.core, unit="lines/s", baseline="a shipper that keys its records",
        baseline_value=theirs.core, ratio=mine.core / theirs.core,
        details={contender: each._asdict() for contender, each in found.items()},
    )  # fmt: skip
    typer.echo(str(figure))
    write(figure, json)


if __name__ == "__main__":
    typer.run(main)
