"""The end of a job: one line for people, one line of JSON for the submitting program, and an exit code."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import IntEnum
from typing import Any, Literal

import msgspec
import typer

from fusionlog.errors import FusionLogError

Outcome = Literal["published", "rejected", "nothing to do", "failed"]
OUTCOMES: dict[Outcome, str] = {
    "failed": "failed",
    "published": "published",
    "rejected": "refused by the gate",
    "nothing to do": "with nothing to do",
}
"""The outcomes of a target in words, the gravest first."""


class Exit(IntEnum):
    """Exit codes of the jobs. Any other is a failure."""

    DONE = 0
    FAILED = 2
    REJECTED = 3
    NOTHING_TO_DO = 4
    PARTIAL = 5
    """Of a job for several targets: some failed, and the results of the others stand."""


class TargetReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a job came to for one of its targets.

    `windows` is the number that its task was sent, `peak_bytes` the greatest resident memory of its worker meanwhile.
    """

    system: str
    outcome: Outcome
    reason: str
    version: str | None = None
    labels: int = 0
    windows: int = 0
    seconds: float = 0.0
    peak_bytes: int = 0
    metrics: dict[str, float] = {}


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a job; `published` is the number of releases that it put on the model topic."""

    outcome: str
    reason: str
    system: str
    published: int = 0
    version: str | None = None
    labels: int = 0
    seconds: float = 0.0
    metrics: dict[str, float] = {}
    targets: list[TargetReport] = []


def merged(targets: Sequence[TargetReport], seconds: float) -> tuple[Report, Exit]:
    """The report of a job for some targets, and its exit code; for one target that of the target."""
    numbers = Counter(target.outcome for target in targets)
    if len(targets) == 1:
        (one,) = targets
        report = Report(
            outcome=one.outcome, reason=one.reason, system=one.system, version=one.version, labels=one.labels,
            metrics=one.metrics,
        )  # fmt: skip
    else:
        outcome = next(each for each in OUTCOMES if numbers[each])
        failed = [f"{target.system}: {target.reason}" for target in targets if target.outcome == "failed"]
        counted = ", ".join(f"{numbers[each]} {words}" for each, words in OUTCOMES.items() if numbers[each])
        reason = f"{len(targets)} targets: {counted}" + (f"; the first that failed is {failed[0]}" if failed else "")
        labels = sum(target.labels for target in targets)
        report = Report(
            outcome=outcome, reason=reason, system=", ".join(each.system for each in targets), labels=labels
        )
    whole = msgspec.structs.replace(
        report, published=numbers["published"], seconds=round(seconds, 2), targets=list(targets)
    )
    return whole, _code(numbers)


def _code(numbers: Mapping[Outcome, int]) -> Exit:
    if numbers["failed"]:
        return Exit.FAILED if len(+Counter(numbers)) == 1 else Exit.PARTIAL
    if numbers["published"]:
        return Exit.DONE
    return Exit.REJECTED if numbers["rejected"] else Exit.NOTHING_TO_DO


def finish(report: Report, code: Exit) -> None:
    """Print the sentence, then the report as the last line, and end with the code.

    :raises typer.Exit: always.
    """
    typer.echo(f"{report.outcome}: {report.reason}")
    typer.echo(msgspec.json.encode(report).decode())
    raise typer.Exit(code)


def run(system: str, job: Callable[[], Awaitable[tuple[Report, Exit]]]) -> None:
    """Run a job to its end; a `FusionLogError` becomes a report of failure."""
    try:
        report, code = asyncio.run(_awaited(job))
    except FusionLogError as error:
        report, code = Report(outcome="failed", reason=str(error), system=system), Exit.FAILED
    finish(report, code)


async def _awaited(job: Callable[[], Awaitable[tuple[Report, Exit]]]) -> Any:
    return await job()
