"""Windows with a provisional verdict, which another one follows: the withdrawal of their anomalies, the way back."""

from __future__ import annotations

import time

from msgspec.structs import replace

from fusionlog import decision
from fusionlog.kafka.batch_output import BatchOutput
from fusionlog.observability import metrics
from fusionlog.records import PseudoLabel, Window
from fusionlog.topics import Topics
from fusionlog.workers import anomaly_record


def is_provisional_anomaly(window: Window) -> bool:
    """Whether a provisional anomaly of the window was published."""
    return window.provisional is not None and decision.is_anomalous(window.provisional)


async def withdraw(window: Window, output: BatchOutput, topics: Topics, label: PseudoLabel) -> None:
    """Withdraw the provisional anomaly of a window, for the reason of its label."""
    await _withdraw(window, output, topics, label.probability, label.teacher, label.reason)


async def to_model(window: Window, output: BatchOutput, topics: Topics, teacher: str) -> None:
    """Send a window to the small model; a provisional anomaly of it is withdrawn, for the model has the verdict."""
    metrics.RETURNED.labels(window.system).inc()
    if is_provisional_anomaly(window):
        await _withdraw(window, output, topics, 0.0, teacher, "the small model has the verdict on it")
    await output.send(topics.general, replace(window, provisional=None))


async def _withdraw(
    window: Window, output: BatchOutput, topics: Topics, probability: float, teacher: str, reason: str
) -> None:
    metrics.WITHDRAWN.labels(window.system).inc()
    record = anomaly_record.withdrawal(window, probability, teacher, reason, time.time())
    await output.send(topics.anomalies, record)
