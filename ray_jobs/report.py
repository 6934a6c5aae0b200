"""How a job ends: one line for people, one line of JSON for whoever submitted it, and an exit code."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import IntEnum
from typing import Any

import msgspec
import typer

from fusionlog.errors import FusionLogError


class Exit(IntEnum):
    """Exit codes of the jobs. Any other is a failure."""

    DONE = 0
    FAILED = 2
    REJECTED = 3
    NOTHING_TO_DO = 4


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a job did; `published` is the number of releases on the model topic because of it."""

    outcome: str
    reason: str
    system: str
    published: int = 0
    version: str | None = None
    labels: int = 0
    seconds: float = 0.0
    metrics: dict[str, float] = {}


def finish(report: Report, code: Exit) -> None:
    """Print the sentence, then the report as the last line, and end with the code.

    :raises typer.Exit: always.
    """
    typer.echo(f"{report.outcome}: {report.reason}")
    typer.echo(msgspec.json.encode(report).decode())
    raise typer.Exit(code)


def run(system: str, job: Callable[[], Awaitable[tuple[Report, Exit]]]) -> None:
    """Run a job to its end; an error of ours is one sentence and a report of failure."""
    try:
        report, code = asyncio.run(_awaited(job))
    except FusionLogError as error:
        report, code = Report(outcome="failed", reason=str(error), system=system), Exit.FAILED
    finish(report, code)


async def _awaited(job: Callable[[], Awaitable[tuple[Report, Exit]]]) -> Any:
    return await job()
