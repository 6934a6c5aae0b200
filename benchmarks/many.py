"""Many targets as one Ray job, on one and two workers, Kafka beside them: `python -m benchmarks.many --json FILE`.

A broker is started (Java and Maven), and for each number of workers a Ray of its own. Labels, windows and the bundled
base lie ready on topics; the job reads them, distils each target and publishes its release. The command fails where a
target has no release, or two, or another model on another number of workers.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Annotated

import typer

from benchmarks.kafka import ApacheKafka, kafka_jars
from benchmarks.made_targets import MadeTarget, made_targets
from benchmarks.report import BUNDLED, Figure, write
from fusionlog.bundled.base import read_base
from fusionlog.data.sources import read_source
from fusionlog.data.systems import read_catalog
from fusionlog.errors import RayError
from fusionlog.kafka import codecs
from fusionlog.kafka.admin import create_topics
from fusionlog.kafka.producer import Producer
from fusionlog.kafka.table import read_all
from fusionlog.records import ModelRelease, Record
from fusionlog.settings import Settings, load
from fusionlog.topics import Topic
from ray_jobs import material
from ray_jobs.local import LocalRay
from ray_jobs.shared import Held, PackedSource, Shared, Vectors, bank_texts, encoder_of
from ray_jobs.submit import JobResult, submit
from ray_jobs.targets import Order, compute

TIMEOUT = 3600.0
COSTED = 4
"""Targets whose processor time is measured."""


async def publish(settings: Settings, targets: Sequence[MadeTarget]) -> None:
    """Topics, the bundled base, and every target's windows and labels."""
    await create_topics(settings)
    topics, producer = settings.topics, Producer(settings)
    await producer.start()
    records: list[tuple[Topic, Record]] = [(topics.models, read_base())]
    for target in targets:
        records += [(topics.general, window) for window in target.windows]
        records += [(topics.labels, label) for label in target.labels]
    acks = [await producer.send(topic, codecs.key_of(record), record) for topic, record in records]
    await asyncio.gather(*acks)
    await producer.stop()


def core_costs(settings: Settings, targets: Sequence[MadeTarget], data: Path) -> dict[str, float]:
    """Processor time, without Ray: of reading the windows of all targets in one pass, and of one target's task.

    It depends less than seconds do on what else the machine does.
    """
    systems, began = [each.system for each in targets], time.process_time()
    windows = asyncio.run(material.read_windows(settings, systems, bytes))
    read = time.process_time() - began
    number, size = (sum(getattr(each, name) for each in windows.values()) for name in ("windows", "size"))
    base = read_base()
    encoder_of(settings, 1)  # It is loaded once a process, and not once a target.
    known, vectors = bank_texts([base])
    sources = [PackedSource.of(read_source(data, name, settings.ingest)) for name in read_catalog(data)]
    assert vectors is not None
    common = Held("common", Shared(sources, Vectors(list(known), list(known.values()), vectors)))
    seconds, peaks = [], []
    for target in targets[:COSTED]:
        blocks = [
            Held(f"{target.system} {place}", each.place) for place, each in enumerate(windows[target.system].blocks)
        ]
        order, began = Order(target.system, target.labels, blocks, Held("base", base), time.time()), time.process_time()
        ended = compute(order, common, settings, "")
        if ended.distilled is None:
            raise RayError(f"{target.system}: {ended.failed or ended.nothing_to_do}")
        seconds.append(time.process_time() - began)
        peaks.append(ended.peak_bytes)
    return {
        "windows": number, "windows_per_core_second_read": number / read, "packed_bytes_per_window": size / number,
        "target_core_seconds": fmean(seconds), "first_target_core_seconds": seconds[0],
        "peak_mib": max(peaks) / 2**20, "labels_per_target": fmean(len(each.labels) for each in targets),
    }  # fmt: skip


def submitted(workers: int, settings: Settings, systems: Sequence[str], sources: Sequence[str]) -> JobResult:
    """One job for all targets, on a Ray of so many workers.

    :raises RayError: it failed.
    """
    token = secrets.token_hex(16)
    words = [*(word for each in systems for word in ("--system", each)),
             *(word for each in sources for word in ("--source", each))]  # fmt: skip
    env = {
        "FUSIONLOG_KAFKA__BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
        "FUSIONLOG_TOPIC_PREFIX": settings.topic_prefix, "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    ray = LocalRay(workers, token)
    try:
        ray.start()
        command = [sys.executable, "-m", "ray_jobs.distill", *words]
        return submit(ray.address, command, env, TIMEOUT, token, lambda line: typer.echo(f"    {line}"))
    finally:
        ray.stop()


def measure(
    workers: int, kafka: ApacheKafka, targets: Sequence[MadeTarget], sources: Sequence[str]
) -> tuple[dict[str, float], dict[str, bytes]]:
    """Seconds and memory of the job on so many workers, and each target's model."""
    prefix = f"many{workers}."
    settings = load(kafka=kafka.settings, topic_prefix=prefix)
    asyncio.run(publish(settings, targets))
    before, began, cpu = os.getloadavg()[0], time.perf_counter(), kafka.cpu_seconds
    result = submitted(workers, settings, [each.system for each in targets], sources)
    seconds = time.perf_counter() - began
    found: list[ModelRelease] = [each for _, each in asyncio.run(read_all(settings, settings.topics.models))]
    models = {each.system: each.onnx for each in found}
    own = [each for each in found if each.system != "*"]
    reports = result.report["targets"]
    refused = [
        f"{each['system']}: {each['outcome']}, {each['reason']}" for each in reports if each["outcome"] != "published"
    ]
    if refused or len(own) != len(targets) or len(models) != len(targets) + 1:
        raise RayError(f"{len(own)} releases of {len(targets)} targets; {'; '.join(refused[:3])}")
    return {
        "workers": workers, "targets": len(targets),
        "job_seconds": result.report["seconds"], "seconds_with_ray": seconds,
        "task_seconds": fmean(each["seconds"] for each in reports),
        "task_peak_mib": max(each["peak_bytes"] for each in reports) / 2**20,
        "model_kilobytes": fmean(len(codecs.encode(each)) for each in own) / 1000,
        "broker_cpu_seconds": kafka.cpu_seconds - cpu, "load_before": before, "load_after": os.getloadavg()[0],
    }, models  # fmt: skip


def main(
    json: Annotated[Path | None, typer.Option(help="write the figure here")] = None,
    data: Annotated[Path, typer.Option(help="a directory in the form of datasets/README.md")] = BUNDLED,
    targets: Annotated[int, typer.Option(min=1, help="to be distilled")] = 4,
    workers: Annotated[list[int] | None, typer.Option(help="numbers of workers; repeated; default: 1 and 2")] = None,
    costs: Annotated[bool, typer.Option(help="measure processor times alone, without a Ray")] = False,
) -> None:
    """Distil many targets in one job; the figure is two workers against one."""
    made, sources = list(made_targets(data, targets, time.time())), list(read_catalog(data))
    typer.echo(f"  {len(made)} targets of {min(len(each.windows) for each in made)} windows and more")
    found: list[dict[str, float]] = []
    first: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as directory:
        kafka = ApacheKafka(Path(directory), kafka_jars())
        kafka.start()
        try:
            settings = load(kafka=kafka.settings, topic_prefix="costs.")
            asyncio.run(publish(settings, made))
            cost = core_costs(settings, made, data)
            typer.echo(f"  {cost}")
            for number in [] if costs else workers or [1, 2]:
                one, models = measure(number, kafka, made, sources)
                if (first := first or models) != models:
                    raise RayError("other models came of the same labels on another number of workers")
                found.append(one | {"ratio": found[0]["job_seconds"] / one["job_seconds"] if found else 1.0})
                typer.echo(f"  {found[-1]}")
        finally:
            kafka.stop()
    if costs:
        raise typer.Exit
    last = found[-1]
    figure = Figure(
        name=f"{targets} targets in one job on {os.cpu_count()} cores", value=targets / last["job_seconds"] * 60,
        unit="targets/min", baseline="one worker", baseline_value=targets / found[0]["job_seconds"] * 60,
        ratio=last["ratio"],
        details={"processor time": cost} | {f"{each['workers']:.0f} workers": each for each in found},
    )  # fmt: skip
    typer.echo(str(figure))
    write(figure, json)


if __name__ == "__main__":
    typer.run(main)
