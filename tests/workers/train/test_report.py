"""What the train role reports: metrics of the worker that leads alone, and the targets that fail first."""

from __future__ import annotations

from typing import Any

from prometheus_client import REGISTRY

from fusionlog.records import TrainingResult
from fusionlog.settings import TrainSettings
from fusionlog.workers.train.decisions import decide, ended
from fusionlog.workers.train.due import Counts, Due, Target
from fusionlog.workers.train.report import SHOWN, STATES, TrainingReport

FAILED = TrainingResult(outcome="failed", reason="no memory", at=5.0)


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"fusionlog_training_{name}", labels)


def failed(system: str) -> Target:
    decided = decide({system: Due(("20 new labels",))}, {}, 1.0, "", "w")[system]
    return Target(ended(decided, FAILED, TrainSettings(), "w"))


def targets(**others: Any) -> dict[str, tuple[Target, Counts, Due]]:
    quiet = {f"quiet{number}": (Target(), Counts(), Due()) for number in range(SHOWN)}
    return {**quiet, "mill": (failed("mill"), Counts(new=3, changed=1, share=0.5), Due()), **others}


def test_the_worker_that_leads_has_the_metrics_of_all_targets_until_another_one_does() -> None:
    report = TrainingReport()
    report.show(True, targets())
    assert [value("state", system="mill", state=state) for state in STATES] == [0, 0, 0, 1, 0]
    assert (value("failures", system="mill"), value("labels_untrained", system="mill")) == (1, 4)
    assert value("proprietary_share", system="mill") == 0.5 and value("ended_timestamp_seconds", system="mill") == 5.0
    report.show(False, targets())
    assert value("failures", system="mill") is None and value("state", system="quiet1", state="waiting") is None
    assert REGISTRY.get_sample_value("fusionlog_train_leads") == 0


def test_a_target_that_is_no_more_has_no_metrics() -> None:
    report = TrainingReport()
    report.show(True, targets(pay=(Target(), Counts(), Due(("a",)))))
    assert value("state", system="pay", state="due") == 1
    report.show(True, targets())
    assert value("state", system="pay", state="due") is None
    report.show(False, {})


def test_what_fails_is_reported_first_and_degrades() -> None:
    report = TrainingReport()
    report.show(True, targets())
    body: Any = report.body()
    assert (body["targets"], len(body["shown"]), next(iter(body["shown"]))) == (SHOWN + 1, SHOWN, "mill")
    assert report.problem == "the training of mill failed 1 times in a row: no memory"
    report.show(False, targets())
    assert report.problem is None
