"""The command and the environment of a job, and its results by target."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fusionlog.settings import TrainSettings
from fusionlog.workers.train.job import command, environment, results, stages
from fusionlog.workers.train.ray_api import JobStatus

DONE = JobStatus("succeeded", code=0)


def report(system: str, outcome: str = "published", **fields: Any) -> dict[str, Any]:
    return {"system": system, "outcome": outcome, "reason": "why", **fields}


def log(*lines: Any) -> str:
    return "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines) + "\n"


def test_a_command_quotes_what_a_shell_would_read() -> None:
    settings = TrainSettings(sources=("kafka", "post gres"), data="/data/my systems")
    assert command(["shop", "a;b"], settings) == (
        "python -m ray_jobs.distill --system shop --system 'a;b' --data '/data/my systems' --source kafka "
        "--source 'post gres'"
    )


def test_a_job_gets_the_settings_that_are_not_the_worker_s_own() -> None:
    variables = {
        "FUSIONLOG_DISTILL__STEPS": "9", "FUSIONLOG_SYSTEMS_FILE": "/etc/systems.yaml", "HOME": "/root",
        "FUSIONLOG_KAFKA__BOOTSTRAP_SERVERS": "b:9092", "FUSIONLOG_KAFKA__SASL_USERNAME": "train",
        "FUSIONLOG_KAFKA__SASL_PASSWORD_FILE": "/run/p", "FUSIONLOG_TRAIN__JOBS": "1", "FUSIONLOG_METRICS_PORT": "9",
        "FUSIONLOG_KAFKA__SSL_KEY_PASSWORD": "hush", "FUSIONLOG_RAY_TOKEN": "hush", "FUSIONLOG_SECRETS_DIR": "/run",
        "FUSIONLOG_KAFKA__GROUP_INSTANCE_ID": "train-0", "FUSIONLOG_LABEL__API_KEY": "hush",
    }  # fmt: skip
    assert environment(variables) == {
        "FUSIONLOG_DISTILL__STEPS": "9", "FUSIONLOG_SYSTEMS_FILE": "/etc/systems.yaml",
        "FUSIONLOG_KAFKA__BOOTSTRAP_SERVERS": "b:9092", "FUSIONLOG_NODE_SECRETS": "FUSIONLOG_KAFKA__SSL_KEY_PASSWORD",
    }  # fmt: skip


def test_a_report_of_one_target_and_one_of_several() -> None:
    one = results(DONE, log("noise", report("shop", version="v7", seconds=3)), ["shop"], 9.0)
    assert (one["shop"].outcome, one["shop"].version, one["shop"].seconds, one["shop"].at) == ("published", "v7", 3, 9)
    several = {"targets": [report("shop"), report("mill", "failed"), report("pay", "nothing to do"), 7], "code": 5}
    found = results(JobStatus("failed", code=5), log(several), ["shop", "mill", "pay"], 9.0)
    assert {name: each.outcome for name, each in found.items()} == {
        "shop": "published", "mill": "failed", "pay": "nothing to do",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "text", "outcome", "reason"),
    [
        (DONE, log(report("mill")), "failed", "the job ended without a report of this target"),
        (JobStatus("stopped"), "", "failed", "the job was stopped"),
        (JobStatus("failed", code=1), log("Traceback", "KeyError: 'x'"), "failed", "KeyError: 'x' (exit code 1)"),
        (JobStatus("failed", "no node has 64 CPUs"), "", "failed", "no node has 64 CPUs"),
        (JobStatus("failed", code=3), "", "rejected", "the report of the job could not be read"),
        (JobStatus("failed", code=2), log(report("shop", "exploded")), "failed", None),
        (DONE, log(report("shop", peak_bytes=-1)), "failed", None),
        (DONE, "[" * 100_000 + "\n", "failed", "the job ended without a report of this target"),
    ],
)
def test_an_end_without_a_result_is_a_failure_with_its_reason(
    status: JobStatus, text: str, outcome: str, reason: str | None
) -> None:
    found = results(status, text, ["shop"], 9.0)["shop"]
    assert found.outcome == outcome
    assert found.reason.startswith("the report of the job cannot be read") if reason is None else found.reason == reason


def test_stages_are_the_lines_of_a_target_alone() -> None:
    text = log("distill: shop, 9 labels", "distill: shop-eu, 7 labels", "noise of shop", "distill: 9 targets: shop, x")
    assert stages(text, "shop") == ["shop, 9 labels", "9 targets: shop, x"]
