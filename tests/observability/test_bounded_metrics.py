"""Label values from records make no series without end."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from fusionlog.observability import bounded_metrics, metrics
from fusionlog.observability.bounded_metrics import MOST_CHARS, Counter, Gauge, Histogram

ROOT = Path(__file__).parents[2]


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(bounded_metrics, "MOST_SERIES", 5)
    return 5


@pytest.mark.parametrize("kind", [Counter, Gauge, Histogram])
def test_beyond_the_bound_all_others_are_one_series(kind: type[Counter | Gauge | Histogram], few: int) -> None:
    registry = CollectorRegistry()
    metric = kind("a_metric", "help", ["system", "reason"], registry=registry)
    for number in range(100):
        found = metric.labels(f"system {number}", "r")
        found.observe(1) if isinstance(found, Histogram) else found.inc()
    suffix = {Counter: "_total", Gauge: "", Histogram: "_count"}[kind]
    for name, value in (("system 0", 1.0), ("system 4", 1.0), ("system 5", None)):
        assert registry.get_sample_value(f"a_metric{suffix}", {"system": name, "reason": "r"}) == value
    assert registry.get_sample_value(f"a_metric{suffix}", {"system": "other", "reason": "other"}) == 95
    assert generate_latest(registry).decode().count(f"a_metric{suffix}{{") == few + 1


def test_a_long_value_is_cut_and_a_removed_series_gives_its_room_back(few: int) -> None:
    registry = CollectorRegistry()
    metric = Gauge("a_metric", "help", ["version"], registry=registry)
    for number in range(20):
        metric.labels(f"{number} " + "v" * 10_000).set(1)
        metric.remove((f"{number} " + "v" * 10_000)[:MOST_CHARS])
    metric.labels("last").set(1)
    assert registry.get_sample_value("a_metric", {"version": "last"}) == 1


def test_every_metric_is_bounded() -> None:
    """Whatever a module defines a metric of its own by, it is one of ours."""
    found = {name for name, each in vars(metrics).items() if isinstance(each, Counter | Gauge | Histogram)}
    assert found == {name for name in vars(metrics) if name.isupper()}
    for path in [each for top in ("fusionlog", "agents", "ray_jobs") for each in (ROOT / top).rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "prometheus_client":
                kinds = {each.name for each in node.names} & {
                    "Counter",
                    "Gauge",
                    "Histogram",
                    "Summary",
                    "Info",
                    "Enum",
                }
                assert not kinds, f"{path} defines metrics without a bound"
