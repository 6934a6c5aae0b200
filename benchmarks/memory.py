"""Resident memory over ten million lines through the ingest pipeline: `python -m benchmarks.memory --json FILE`."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from aiokafka import TopicPartition
from aiokafka.structs import RecordMetadata
from prometheus_client import REGISTRY

from benchmarks.ingest import Raw, knowing
from benchmarks.lines import Stream, open_stream
from benchmarks.processes import LossError, unaccounted
from benchmarks.report import Figure, data_directory, write
from benchmarks.stage import model_of
from fusionlog.embedding.encoder import Encoder, NamedEncode, find_encoder
from fusionlog.kafka.producer import Ack
from fusionlog.records import Record
from fusionlog.settings import Settings, load
from fusionlog.topics import Topic
from fusionlog.types import FloatArray
from fusionlog.utils.gc_tuning import tune_gc
from fusionlog.workers.ingest.pipeline import IngestPipeline

SAMPLES = 10
SETTLE_SECONDS = 60.0
STORM_EVERY, STORM_LINES = 10, 500_000
"""One line in ten of the first half million is of a template never seen before: more than are kept, so that
all caps are reached before the first sample."""
NEW_EVERY = 500
"""Of the later lines, one in 500 is."""
MIB = 1024 * 1024


class Acknowledging:
    """A producer whose records are acknowledged at once and forgotten; lines in windows are counted."""

    def __init__(self) -> None:
        self._offset = 0

    async def send(self, topic: Topic, key: str, record: Record | None) -> Ack:
        """As `Producer.send`."""
        return await self.send_raw(topic, key.encode(), None)

    async def send_raw(self, topic: Topic, key: bytes | None, value: bytes | None, headers: object = None) -> Ack:
        """As `Producer.send_raw`."""
        ack: Ack = asyncio.get_running_loop().create_future()
        place = TopicPartition(topic.name, 0)
        ack.set_result(RecordMetadata(topic.name, 0, place, self._offset, 0, 0, 0))
        self._offset += 1
        return ack


class Hashed:
    """Vectors of the real width by a hash of the text: a real encoder takes 5 ms for each of the new templates."""

    def __init__(self, encoder: NamedEncode) -> None:
        self.name, self.dim, self.real = encoder.name, encoder.dim, encoder
        encoder(["what the network itself needs is resident from here on"])

    def __call__(self, texts: Sequence[str], /) -> FloatArray:
        """Texts to unit vectors `[texts, dim]`."""
        seeds = [int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) for text in texts]
        drawn = [np.random.default_rng(seed).standard_normal(self.dim, dtype=np.float32) for seed in seeds]
        vectors = np.array(drawn, dtype=np.float32).reshape(len(texts), self.dim)
        unit: FloatArray = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        return unit


def stormy(stream: Stream, number: int, seed: int = 1) -> Iterator[bytes]:
    """A stream's lines, some of them of templates that never come again; the session key of the line is kept."""
    source = random.Random(seed)
    for place, line in enumerate(stream.take(number)):
        every = STORM_EVERY if place < STORM_LINES else NEW_EVERY
        yield line if place % every else stream.key(line) + _made_up(source)


def _made_up(source: random.Random) -> bytes:
    words = ("".join(source.choices("abcdefghiklmnoprstuvwy", k=7)) for _ in range(source.randint(4, 30)))
    return (" " + " ".join(words)).encode()


def resident() -> float:
    """The resident memory of this process, in MiB (Linux's proc(5))."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MIB


async def measure(stream: Stream, encode: NamedEncode, lines: int) -> dict[str, dict[str, float]]:
    """Resident memory in MiB at every tenth of the lines, and what was open and known then.

    :raises LossError: lines are in no window, not dropped, and not open.
    """
    settings = Settings(method="source-only")
    settings.__dict__["systems"] = {stream.name: stream.system}
    knowledge = knowing(settings, stream.name, model_of(stream, encode), encode)
    work = IngestPipeline(settings, Acknowledging(), knowledge.route, [])  # type: ignore[arg-type]
    place = TopicPartition(settings.topics.raw(stream.name).name, 0)
    work.open(place, 0, ())
    before_all = counted(stream.name)
    tune_gc()
    first, source, taken = time.time() - lines * stream.step, stormy(stream, lines), 0
    found: dict[str, dict[str, float]] = {}
    while values := list(islice(source, settings.ingest.poll_records)):
        moments = (int(1000 * (first + offset * stream.step)) for offset in range(taken, taken + len(values)))
        records = [
            Raw(taken + n, moment, None, value) for n, (moment, value) in enumerate(zip(moments, values, strict=True))
        ]
        await work.take(place, records)
        before, taken = taken, taken + len(values)
        if taken * SAMPLES // lines > before * SAMPLES // lines:
            found[f"{taken:,} lines"] = {"mib": resident(), "since_first_open": taken - work.positions()[place][0]}
        work.positions()
    await work.settle(SETTLE_SECONDS)
    after = counted(stream.name)
    after.subtract(before_all)
    check(after, lines)
    return found


def counted(system: str) -> Counter[str]:
    """What this process has counted of a system, by sample."""
    found: Counter[str] = Counter()
    for family in REGISTRY.collect():
        for sample in family.samples:
            if sample.labels.get("system") == system:
                found[sample.name] += int(sample.value)
    return found


def check(counts: Counter[str], lines: int) -> None:
    """Do nothing where the counts conserve.

    :raises LossError: lines were not read, or are in no window, not dead-lettered, not dropped, and not open.
    """
    if unaccounted(counts) or counts["fusionlog_lines_total"] != lines:
        raise LossError(f"of {lines} lines {unaccounted(counts)} are nowhere: {dict(counts)}")


def main(
    json: Annotated[Path | None, typer.Option(help="write the figure here")] = None,
    data: Annotated[Path | None, typer.Option(help="a directory in the form of datasets/README.md")] = None,
    system: Annotated[str | None, typer.Option(help="default: the first of the directory")] = None,
    lines: Annotated[int, typer.Option(min=100_000)] = 10_000_000,
) -> None:
    """Feed one partition's pipeline in this process; the figure is the memory at the end against that at a tenth."""
    stream = open_stream(data or data_directory(), system)
    found = asyncio.run(measure(stream, Hashed(Encoder(find_encoder(load()))), lines))
    for at, each in found.items():
        typer.echo(
            f"  {at}: {each['mib']:,.0f} MiB resident, {each['since_first_open']:,.0f} lines since the first open"
        )
    first, *_, last = (each["mib"] for each in found.values())
    figure = Figure(
        name=f"memory {stream.name}", value=last, unit="MiB", baseline="a tenth of the lines", baseline_value=first,
        ratio=last / first, details=found,
    )  # fmt: skip
    typer.echo(str(figure))
    write(figure, json)


if __name__ == "__main__":
    typer.run(main)
