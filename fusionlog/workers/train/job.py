"""The job that trains targets: its command, its environment, and its results by target."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from fusionlog.records import Seconds, TrainingResult
from fusionlog.records.training import TrainingOutcome
from fusionlog.settings import PREFIX, Settings, TrainSettings, by_reference
from fusionlog.settings.secrets import file_variables
from fusionlog.utils.failure_line import failure_line
from fusionlog.workers.train.ray_api import JobStatus

EXPECTED: Mapping[int, TrainingOutcome] = {3: "rejected", 4: "nothing to do"}
"""The exit codes of a job without a release that are results."""
OWN = tuple(
    f"{PREFIX}{name}"
    for name in (
        "TRAIN__", "METRICS_", "RAY_", "LOG_", "LABEL__", "EXPLAIN__", "CANARY__", "SECRETS_DIR", "SIGNING__KEY",
        "KAFKA__GROUP_INSTANCE_ID", "KAFKA__SASL_USERNAME", "KAFKA__OAUTH_CLIENT_ID", "KAFKA__SSL_CERTFILE",
        "KAFKA__SSL_KEYFILE",
    )
)  # fmt: skip
"""What the variables begin with that are this worker's and no job's: a node of Ray has its own login and files."""
MOST_CHARS = 500
"""Of the reason of a result, and of a line of progress."""
MOST_STAGES = 40
MEASURED = ("version", "seconds", "labels", "windows", "peak_bytes", "metrics")
"""What a target's report has beside its outcome."""
_WORDS = re.compile(r"[^\s,:;]+")


def command(systems: Sequence[str], settings: TrainSettings) -> str:
    """The command of a job for some targets, as one line of a shell."""
    words = ["python", "-m", "ray_jobs.distill"]
    for system in systems:
        words += ["--system", system]
    if settings.data is not None:
        words += ["--data", settings.data]
    for source in settings.sources:
        words += ["--source", source]
    return shlex.join(words)


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The settings of a job: those of this worker that are not its own, without the values of secrets."""
    files = file_variables(Settings)
    kept = {
        name: value for name, value in variables.items()
        if name.upper().startswith(PREFIX) and not name.upper().startswith(OWN) and name.upper() not in files
    }  # fmt: skip
    return by_reference(Settings, kept)


def results(status: JobStatus, log: str, systems: Sequence[str], now: Seconds) -> dict[str, TrainingResult]:
    """The result of an ended job for each of some targets.

    :param log: of the job, which prints a report as one line of JSON: of one target, or of several in `targets`.
    :param now: when its end was seen.
    """
    reports = dict(_reports(log))
    return {
        name: result_of(reports[name], now) if name in reports else _without_report(status, log, now)
        for name in systems
    }


def result_of(report: Mapping[str, Any], now: Seconds) -> TrainingResult:
    """The result in a target's report."""
    fields = {name: report[name] for name in MEASURED if report.get(name) is not None}
    found = {"outcome": str(report.get("outcome")), "reason": str(report.get("reason") or "")[:MOST_CHARS], "at": now}
    try:
        return msgspec.convert({**fields, **found}, TrainingResult)
    except msgspec.ValidationError as error:
        return failure(f"the report of the job cannot be read ({error})", now)


def stages(log: str, system: str) -> list[str]:
    """The lines of a target's progress in the log of its job, the last `MOST_STAGES` of them."""
    found = [line for line in log.splitlines() if line.startswith("distill: ") and system in _WORDS.findall(line)]
    return [line.removeprefix("distill: ").rstrip()[:MOST_CHARS] for line in found[-MOST_STAGES:]]


def failure(reason: str, now: Seconds) -> TrainingResult:
    """The result of a job that has none of its own."""
    return TrainingResult(outcome="failed", reason=reason[:MOST_CHARS], at=now)


def _without_report(status: JobStatus, log: str, now: Seconds) -> TrainingResult:
    if status.progress == "stopped":
        return failure("the job was stopped", now)
    if status.progress == "succeeded":
        return failure("the job ended without a report of this target", now)
    if (outcome := EXPECTED.get(status.code or 0)) is not None:
        return TrainingResult(outcome=outcome, reason="the report of the job could not be read", at=now)
    last = failure_line(log.splitlines()) or status.message or "it printed nothing"
    code = "" if status.code is None else f" (exit code {status.code})"
    return failure(f"{last}{code}", now)


def _reports(log: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The reports in the last line of a log that is a JSON object, by target."""
    for line in reversed(log.splitlines()):
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            several = found.get("targets")
            for each in several if isinstance(several, list) else [found]:
                if isinstance(each, dict) and isinstance(each.get("system"), str):
                    yield each["system"], each
            return
