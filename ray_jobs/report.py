"""The end of a job: one line for people, one line of JSON for the submitting program, and an exit code."""

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
    """The result of a job; `published` is the number of releases that it put on the model topic."""

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
    """Run a job to its end; a `FusionLogError` becomes a report of failure."""
    try:
        report, code = asyncio.run(_awaited(job))
    except FusionLogError as error:
        report, code = Report(outcome="failed", reason=str(error), system=system), Exit.FAILED
    finish(report, code)


async def _awaited(job: Callable[[], Awaitable[tuple[Report, Exit]]]) -> Any:
    return await job()
