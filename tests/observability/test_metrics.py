"""The metrics of what may be away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from prometheus_client import REGISTRY, generate_latest

from fusionlog.observability import metrics


@pytest.fixture(autouse=True)
def no_lag() -> Iterator[None]:
    metrics.LAG.clear()
    yield
    metrics.LAG.clear()


def test_the_teacher_has_one_series_with_its_present_reason() -> None:
    for reason, value in (("denied", 0.0), ("timeout", 0.0), (None, 1.0)):
        metrics.show_teacher(reason)
        assert REGISTRY.get_sample_value("fusionlog_teacher_up", {"reason": reason or ""}) == value
        assert generate_latest().decode().count("fusionlog_teacher_up{") == 1


def test_the_total_lag_is_that_of_all_partitions_and_unknown_without_any() -> None:
    assert metrics.total_lag() is None
    metrics.LAG.labels("", "t", "0").set(3)
    metrics.LAG.labels("", "t", "1").set(4)
    assert metrics.total_lag() == 7
