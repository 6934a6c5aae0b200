"""Kafka to windows, against a Faust agent per event and bare `getmany`: `python -m benchmarks.ingest --json FILE`."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NamedTuple

import faust
import typer
from aiokafka import AIOKafkaConsumer, TopicPartition
from faust.types import StreamT
from prometheus_client import REGISTRY

from benchmarks.lines import Stream, open_stream
from benchmarks.report import Figure, data_directory, write
from benchmarks.stage import Stage, fill, kafka, model_of, prepare
from fusionlog.embedding.encoder import Encoder, NamedEncode, find_encoder
from fusionlog.kafka.client import options
from fusionlog.kafka.producer import Producer
from fusionlog.online.knowledge import Knowledge
from fusionlog.records import ModelRelease
from fusionlog.settings import KafkaSettings, Settings, load
from fusionlog.utils.gc_tuning import tune_gc
from fusionlog.workers.ingest.pipeline import IngestPipeline
from fusionlog.workers.ingest.raw_partitions import FETCH_BYTES, raw_consumer

POLL_SECONDS = 0.02
GIVE_UP_SECONDS = 300.0


class Rate(NamedTuple):
    """Lines a second: of one core's time, and of the clock on the wall."""

    core: float
    wall: float


@dataclass
class Raw:
    """A Faust message as a lane reads it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


class Meter:
    """Counts lines from the first that it sees on, so that a group's joining is not measured."""

    def __init__(self) -> None:
        self._seen: list[tuple[int, float, float]] = []

    def see(self, taken: int) -> int:
        """Note how many lines were taken so far."""
        self._seen[1:] = [(taken, time.process_time(), time.perf_counter())]
        return taken

    @property
    def rate(self) -> Rate:
        """From the first call of `see` to the last."""
        lines, core, wall = (end - start for start, end in zip(*self._seen, strict=True))
        return Rate(lines / core, lines / wall)


async def bare(settings: Settings, name: str, lines: int) -> Rate:
    """`getmany` alone: the limit."""
    meter, taken = Meter(), 0
    consumer = AIOKafkaConsumer(**options(settings.kafka), max_partition_fetch_bytes=FETCH_BYTES)
    await consumer.start()
    try:
        consumer.assign([TopicPartition(settings.topics.raw(name).name, 0)])
        await consumer.seek_to_beginning()
        while meter.see(taken) < lines:
            for batch in (await consumer.getmany(timeout_ms=200, max_records=settings.ingest.poll_records)).values():
                taken += len(batch)
    finally:
        await consumer.stop()
    return meter.rate


@asynccontextmanager
async def pipeline(settings: Settings, knowledge: Knowledge) -> AsyncIterator[IngestPipeline]:
    """Parsers, windowers, router and sink, on a producer of their own."""
    producer = Producer(settings)
    await producer.start()
    try:
        yield IngestPipeline(settings, producer, knowledge.route, [])
    finally:
        await producer.stop()


async def measured(work: IngestPipeline, name: str, lines: int, alive: Callable[[], None]) -> Rate:
    """The rate of whatever feeds a pipeline; at the end Kafka has every window that was closed."""
    meter, before = Meter(), counted(name)
    async with asyncio.timeout(GIVE_UP_SECONDS):
        while counted(name) == before:
            await asyncio.sleep(POLL_SECONDS)
            alive()
        while meter.see(counted(name) - before) < lines:
            await asyncio.sleep(POLL_SECONDS)
            alive()
        await work.settle(GIVE_UP_SECONDS)
    meter.see(counted(name) - before)
    return meter.rate


async def ours(settings: Settings, name: str, lines: int, knowledge: Knowledge) -> Rate:
    """The ingest worker's reader and pipeline."""
    async with pipeline(settings, knowledge) as work:
        reader = raw_consumer(settings, work)
        await reader.start()
        reading = asyncio.create_task(reader.run())
        try:
            return await measured(work, name, lines, lambda: reading.result() if reading.done() else None)
        finally:
            await reader.stop()
            await reading


async def agent(settings: Settings, name: str, lines: int, knowledge: Knowledge) -> Rate:
    """The same pipeline, fed by a Faust agent event by event."""
    place = TopicPartition(settings.topics.raw(name).name, 0)
    app = faust.App(
        f"{settings.topic_prefix}agent", broker=f"kafka://{settings.kafka.bootstrap_servers}", store="memory://",
        web_enabled=False, topic_disable_leader=True, topic_allow_declare=False, consumer_auto_offset_reset="earliest",
        value_serializer="raw", key_serializer="raw", broker_rebalance_timeout=6.0, broker_session_timeout=6.0,
    )  # fmt: skip
    async with pipeline(settings, knowledge) as work:
        work.open(place, 0, ())

        @app.agent(app.topic(place.topic, key_type=bytes, value_type=bytes))
        async def each(stream: StreamT[bytes]) -> None:
            async for event in stream.events():
                message = event.message
                await work.take(place, [Raw(message.offset, int(1000 * message.timestamp), message.key, message.value)])

        await app.start()
        try:
            return await measured(work, name, lines, lambda: None)
        finally:
            await app.stop()


def counted(name: str) -> int:
    """Raw lines that this process has taken of a system."""
    return int(REGISTRY.get_sample_value("fusionlog_lines_total", {"system": name, "input": "raw"}) or 0)


def knowing(settings: Settings, name: str, release: ModelRelease, encode: NamedEncode) -> Knowledge:
    """What a worker knows that has adopted a release."""
    knowledge = Knowledge(name, encode, rules=settings.rules(name))
    knowledge.adopt(release)
    return knowledge


async def measure(
    broker: KafkaSettings, directory: Path, stream: Stream, encode: NamedEncode, lines: int, agent_lines: int
) -> dict[str, Rate]:
    """The rates of the three, of one run, by contender."""
    stage, release = Stage(broker, stream, directory), model_of(stream, encode)
    first = stage.settings("bare.")
    await prepare(first)
    await fill(first, stream, lines)
    found = {"getmany": await bare(first, stream.name, lines)}
    for contender, run, number in (("agent", agent, agent_lines), ("ours", ours, lines)):
        settings = stage.settings(f"{contender}.")
        await prepare(settings)
        tune_gc()
        found[contender] = await run(settings, stream.name, number, knowing(settings, stream.name, release, encode))
    return found


def main(
    json: Annotated[Path | None, typer.Option(help="write the figure here")] = None,
    data: Annotated[Path | None, typer.Option(help="a directory in the form of datasets/README.md")] = None,
    system: Annotated[str | None, typer.Option(help="default: the first of the directory")] = None,
    lines: Annotated[int, typer.Option(min=1, help="raw lines, the recorded stream repeated")] = 1_000_000,
    agent_lines: Annotated[int, typer.Option(min=1, help="of them, for the Faust agent")] = 50_000,
) -> None:
    """Read a system's lines from an Apache Kafka of this run's own, cut and route them, and write the windows to it."""
    encode = Encoder(find_encoder(load()))
    stream = open_stream(data or data_directory(), system)
    with kafka() as broker, tempfile.TemporaryDirectory() as directory:
        found = asyncio.run(measure(broker.settings, Path(directory), stream, encode, lines, agent_lines))
    for contender, rate in found.items():
        typer.echo(f"  {contender}: {rate.core:,.0f} lines/s of one core's time, {rate.wall:,.0f} by the clock")
    mine, theirs, limit = found["ours"], found["agent"], found["getmany"]
    figure = Figure(
        name=f"ingest {stream.name}", value=mine.core, unit="lines/s", baseline="a Faust agent per event",
        baseline_value=theirs.core, ratio=mine.core / theirs.core,
        details={contender: rate._asdict() for contender, rate in found.items()}
        | {"ours to getmany": {"ratio": mine.core / limit.core}},
    )  # fmt: skip
    typer.echo(str(figure))
    write(figure, json)


if __name__ == "__main__":
    typer.run(main)
