"""Raw line to anomaly through real workers on Apache Kafka: `python -m benchmarks.end_to_end --json FILE`."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
import typer
from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.kafka import ApacheKafka
from benchmarks.lines import Stream, open_stream
from benchmarks.models import network
from benchmarks.processes import LossError, Worker, unaccounted, until, workers
from benchmarks.report import Figure, data_directory, write
from benchmarks.stage import Stage, fill, kafka, model_of, pour, prepare
from fusionlog.embedding.encoder import Encoder, find_encoder
from fusionlog.kafka.client import options
from fusionlog.records import ModelRelease
from fusionlog.settings import Settings, WindowSettings, load

ROLES = ("score", "ingest")
PARTITIONS = 2
BAR = 60_000.0
MIB = 1024 * 1024
WINDOW = WindowSettings(by="count", size=20)
"""For latency: such a window is closed by its own last line, not by the silence after it."""


class Seen(msgspec.Struct):
    """As much of an `Anomaly` as is measured."""

    id: str
    ended: float


@dataclass
class Verdicts:
    """The anomalies that came: how often each, when the last did, and how long after its window's last line."""

    times: Counter[str] = field(default_factory=Counter)
    waits: list[tuple[float, float]] = field(default_factory=list)
    last: float = 0.0

    def take(self, value: bytes) -> None:
        """An anomaly came."""
        seen, self.last = msgspec.json.decode(value, type=Seen), time.time()
        self.times[seen.id] += 1
        self.waits.append((seen.ended, self.last - seen.ended))

    def check(self, windows: float) -> None:
        """Do nothing where every window has one verdict.

        :raises LossError: some have none, or more than one.
        """
        if len(self.times) != windows or self.times.total() != windows:
            raise LossError(
                f"{windows:.0f} windows have {self.times.total()} verdicts, {len(self.times)} distinct ones"
            )


@asynccontextmanager
async def following(settings: Settings) -> AsyncIterator[Verdicts]:
    """All anomalies, as they come."""
    topic, found = settings.topics.anomalies, Verdicts()
    consumer = AIOKafkaConsumer(**options(settings.kafka), auto_offset_reset="earliest")

    async def follow() -> None:
        while True:
            for batch in (await consumer.getmany(timeout_ms=200)).values():
                for record in batch:
                    found.take(record.value)

    await consumer.start()
    consumer.assign([TopicPartition(topic.name, number) for number in range(topic.partitions)])
    task = asyncio.create_task(follow())
    try:
        yield found
    finally:
        task.cancel()
        await consumer.stop()


def always(stream: Stream, encode: Encoder) -> ModelRelease:
    """A model that calls every window anomalous, so that each verdict is seen."""
    return model_of(stream, encode, network(encode.dim), threshold=0.0)


@asynccontextmanager
async def running(stage: Stage, settings: Settings, encoder: Path) -> AsyncIterator[tuple[Worker, Worker, Verdicts]]:
    """A scorer that is ready, an ingest worker that starts, and the anomalies: one for each window."""
    await prepare(settings, always(stage.stream, Encoder(encoder)))
    env = stage.env(settings, encoder)
    async with following(settings) as found, workers(ROLES[:1], env, stage.directory) as (score,):
        await score.says("started")
        async with workers(ROLES[1:], env, stage.directory) as (ingest,):
            yield score, ingest, found


async def throughput(stage: Stage, encoder: Path, lines: int, broker: ApacheKafka) -> dict[str, float]:
    """Lines that lie ready, as fast as they go: those in windows with a verdict, a second, by the clock, and by the
    processor time of all three processes, as if they had two cores for themselves.

    :raises LossError: the counts do not conserve.
    """
    settings = stage.settings("through.")
    await prepare(settings)
    await fill(settings, stage.stream, lines)
    async with running(stage, settings, encoder) as (score, ingest, found):
        await until(lambda: ingest.counts()["fusionlog_lines_total"] > 0)
        started, before, spent = time.time(), ingest.counts(), _spent(score, ingest, broker)
        await until(lambda: ingest.counts()["fusionlog_lines_total"] >= lines)
        await until(lambda: _settled(ingest, found))
        counts, scored = ingest.counts(), score.counts()["fusionlog_windows_scored_total"]
        seconds = {name: value - spent[name] for name, value in _spent(score, ingest, broker).items()}
    windows = counts["fusionlog_windows_total"]
    if unaccounted(counts) or counts["fusionlog_lines_total"] != lines or scored != windows:
        raise LossError(f"{lines} lines, {windows:.0f} windows, {scored:.0f} of them scored; counted: {dict(counts)}")
    found.check(windows)
    done = counts["fusionlog_lines_windowed_total"] - before["fusionlog_lines_windowed_total"]
    wall = found.last - started
    return {
        "lines": lines, "windows": windows, "by_the_clock": done / wall,
        "of_two_cores": 2 * done / sum(seconds.values()), "seconds": wall,
        "ingest_mib": counts["process_resident_memory_bytes"] / MIB,
        **{f"{name}_share": value / wall for name, value in seconds.items()},
    }  # fmt: skip


async def latency(stage: Stage, encoder: Path, rate: float, seconds: float, warm: float) -> dict[str, float]:
    """Lines at a steady rate: the seconds from a window's last line to its anomaly, as a consumer sees it.

    :param warm: the first seconds, which are not counted: the model and the templates are new.
    :raises LossError: a window has no verdict, or two.
    """
    system = stage.stream.system.model_copy(update={"window": WINDOW})
    settings = stage.settings("latency.", system, raw="steady.")
    async with running(stage, settings, encoder) as (_, ingest, found):
        await ingest.says("partitions taken over")
        counted = time.time() + warm
        sent = await pour(settings, stage.stream, rate, warm + seconds)
        took = time.time() - counted + warm
        windows = sum(lines // WINDOW.size for lines in sent)
        await until(lambda: len(found.times) >= windows)
    found.check(windows)
    waits = [wait for ended, wait in found.waits if ended >= counted]
    p50, p99 = np.percentile(waits, [50, 99])
    return {"lines_a_second": sum(sent) / took, "windows": len(waits), "p50": float(p50), "p99": float(p99)}


def _settled(ingest: Worker, found: Verdicts) -> bool:
    """Whether every window that Kafka has had its verdict, and no more of them came meanwhile."""
    windows = ingest.counts()["fusionlog_windows_total"]
    return found.times.total() >= windows == ingest.counts()["fusionlog_windows_total"]


def _spent(score: Worker, ingest: Worker, broker: ApacheKafka) -> dict[str, float]:
    """Processor time so far, in seconds."""
    workers = {"score": score, "ingest": ingest}
    spent = {name: worker.counts()["process_cpu_seconds_total"] for name, worker in workers.items()}
    return {**spent, "broker": broker.cpu_seconds}


def main(
    json: Annotated[Path | None, typer.Option(help="write the figure here")] = None,
    data: Annotated[Path | None, typer.Option(help="a directory in the form of datasets/README.md")] = None,
    system: Annotated[str | None, typer.Option(help="default: the first of the directory")] = None,
    lines: Annotated[int, typer.Option(min=1, help="raw lines, the recorded stream repeated")] = 1_000_000,
    seconds: Annotated[float, typer.Option(min=1, help="of the steady rate")] = 30.0,
    rate: Annotated[float | None, typer.Option(help="lines a second; default: half of what was reached")] = None,
) -> None:
    """An ingest and a score worker on an Apache Kafka, all on this machine: throughput, and latency at half of it."""
    encoder, stream = find_encoder(load()), open_stream(data or data_directory(), system)
    with kafka() as broker, tempfile.TemporaryDirectory() as directory:
        stage = Stage(broker.settings, stream, Path(directory), PARTITIONS)
        full = asyncio.run(throughput(stage, encoder, lines, broker))
        typer.echo(f"  throughput: {full}")
        half = asyncio.run(latency(stage, encoder, rate or full["by_the_clock"] / 2, seconds, warm=10.0))
        typer.echo(f"  latency: {half}")
    figure = Figure(
        name=f"end to end {stream.name}", value=full["of_two_cores"], unit="lines/s of two cores' time",
        baseline="the bar", baseline_value=BAR, ratio=full["of_two_cores"] / BAR,
        details={"throughput": full, "latency": half},
    )  # fmt: skip
    typer.echo(str(figure))
    write(figure, json)


if __name__ == "__main__":
    typer.run(main)
