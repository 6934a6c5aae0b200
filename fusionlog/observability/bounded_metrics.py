"""Prometheus metrics with a bound of their series: label values come from records, and a series is never freed.

A metric has `MOST_SERIES` at most; what would be one more counts in the series whose labels are all `other`. Systems
are those of the systems file (`kafka.known_systems`), reasons and outcomes are literals of the code, and the series of
a model's version is removed with it, so that this bound is reached by a fault alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import prometheus_client
from prometheus_client.metrics import MetricWrapperBase

MOST_SERIES = 20_000
MOST_CHARS = 200
"""Of a label's value: what is longer is cut."""
OTHER = "other"


class Counter(prometheus_client.Counter):
    """A counter with bounded labels."""

    def labels(self, *values: object, **named: object) -> Self:
        """The series of some label values, or that of the others."""
        return super().labels(*_bounded(self, values), **named)


class Gauge(prometheus_client.Gauge):
    """A gauge with bounded labels."""

    def labels(self, *values: object, **named: object) -> Self:
        """The series of some label values, or that of the others."""
        return super().labels(*_bounded(self, values), **named)


class Histogram(prometheus_client.Histogram):
    """A histogram with bounded labels."""

    def labels(self, *values: object, **named: object) -> Self:
        """The series of some label values, or that of the others."""
        return super().labels(*_bounded(self, values), **named)


def _bounded(metric: MetricWrapperBase, values: Sequence[object]) -> tuple[str, ...]:
    """Label values that are cut, or `other` where they are new and the metric has no room."""
    cut = tuple(str(value)[:MOST_CHARS] for value in values)
    series = metric._metrics
    return cut if cut in series or len(series) < MOST_SERIES else (OTHER,) * len(cut)
