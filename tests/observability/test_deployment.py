"""The state of a deployment, from its workers' reports."""

from __future__ import annotations

from typing import Any

import pytest

from fusionlog.observability.deployment import deployment, rate
from fusionlog.records import SystemCounts, WorkerState


def report(at: float, worker: str = "a:1", role: str = "ingest", lines: int = 0, **fields: Any) -> WorkerState:
    values = {"version": "1", "started": 0.0, "ready": True, "systems": {"shop": SystemCounts(lines=lines)}}
    return WorkerState(worker=worker, role=role, at=at, **{**values, **fields})


def test_the_last_report_of_each_worker_counts_and_counts_are_summed() -> None:
    found = deployment([report(1.0, lines=5), report(2.0, lines=9), report(2.0, "b:1", lines=4)], now=3.0)
    assert [each.at for each in found.workers] == [2.0, 2.0]
    assert found.systems["shop"].counts.lines == 13


def test_a_worker_that_stopped_is_no_worker_and_one_without_a_word_is_gone() -> None:
    found = deployment(
        [report(1.0, "a:1"), report(2.0, "a:1", stopped=True), report(5.0, "b:1"), report(90.0, "c:1")], now=100.0
    )
    assert [each.worker for each in found.workers] == ["c:1"] and [each.worker for each in found.gone] == ["b:1"]


def test_a_worker_that_started_again_under_its_name_runs() -> None:
    found = deployment([report(1.0, stopped=True), report(9.0, started=8.0)], now=10.0)
    assert len(found.workers) == 1 and found.gone == []


@pytest.mark.parametrize(
    ("reports", "expected"),
    [
        ([report(0.0, lines=0), report(30.0, lines=500)], 1000.0),
        ([report(0.0, lines=0), report(1000.0, lines=100), report(1060.0, lines=160)], 60.0),
        ([report(0.0, lines=9000), report(10.0, lines=0, started=9.0), report(40.0, lines=50, started=9.0)], 100.0),
        ([report(5.0, lines=9)], 0.0),
    ],
    ids=["of a minute", "of the last 90 s", "of this start", "of one report"],
)
def test_the_rate(reports: list[WorkerState], expected: float) -> None:
    assert rate(reports, "shop") == expected


def test_how_many_workers_use_a_release() -> None:
    found = deployment(
        [
            report(1.0, "a:1", "score", models={"shop": "v2"}), report(1.0, "b:1", "score", models={"shop": "v1"}),
            report(1.0, "c:1", "label", models={"shop": "v2"}), report(1.0, "d:1", "explain", models={"shop": "v9"}),
        ],
        now=2.0,
    )  # fmt: skip
    assert found.using("shop", "v2") == (2, 3) and found.using("mill", "v2") == (0, 0)
