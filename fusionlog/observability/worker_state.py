"""The state of this worker, by its health and its metrics."""

from __future__ import annotations

import os
import socket
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import prometheus_client

import fusionlog
from fusionlog.observability import metrics
from fusionlog.observability.health import Health
from fusionlog.records import SystemCounts, WorkerState

Metric = prometheus_client.Counter

COUNTED: Mapping[str, tuple[Metric, ...]] = {
    "lines": (metrics.LINES,),
    "dropped": (metrics.LINES_DROPPED, metrics.LINES_DEAD, metrics.LINES_DELETED),
    "windows": (metrics.WINDOWS,),
    "decided": (metrics.SCORED, metrics.LABELLED),
    "anomalies": (metrics.ANOMALIES,),
    "muted": (metrics.MUTED,),
}
"""The metrics that each field of `SystemCounts` is the sum of; those of the keyed stage count lines once more."""


def worker_name() -> str:
    """The name of this process within the deployment."""
    return f"{socket.gethostname()}:{os.getpid()}"


def state_of(health: Health, started: float, now: float) -> WorkerState:
    """The present state of this worker. Times are Unix seconds."""
    answer = health.ready()
    age = answer.body["last_verdict_seconds"]
    return WorkerState(
        worker=worker_name(), role=health.role, version=fusionlog.__version__, started=started, at=now,
        ready=answer.good, reasons=list(answer.body["reasons"]), degraded=list(answer.body["degraded"]),
        models=dict(answer.body["model"]), teacher=answer.body["teacher"], lag=answer.body["lag"],
        last_verdict=None if age is None else now - age, systems=counts(), stopped=health.stopping,
    )  # fmt: skip


def counts() -> dict[str, SystemCounts]:
    """What this process has counted, by system; one of which it counted nothing is left out."""
    found: dict[str, Counter[str]] = {}
    for field, each in COUNTED.items():
        for system, value in _values(each):
            found.setdefault(system, Counter())[field] += value
    for system, value in _values((metrics.WINDOWS,), route="proprietary"):
        found.setdefault(system, Counter())["proprietary"] += value
    return {system: SystemCounts(**each) for system, each in found.items() if any(each.values())}


def _values(counters: Iterable[Metric], **only: str) -> Iterator[tuple[str, int]]:
    for counter in counters:
        for family in counter.collect():
            for sample in family.samples:
                labels = sample.labels
                if (
                    sample.name.endswith("_total")
                    and labels.get("input", "raw") == "raw"
                    and only.items() <= labels.items()
                ):
                    yield labels["system"], int(sample.value)


def is_news(state: WorkerState, before: WorkerState | None) -> bool:
    """Whether a state differs from the one before it in more than its counts."""
    return before is None or any(
        getattr(state, field) != getattr(before, field)
        for field in ("ready", "reasons", "degraded", "models", "teacher", "stopped")
    )
