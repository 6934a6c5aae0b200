"""`fusionlog systems add`: propose the entry of a system from a sample of its log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fusionlog import settings
from fusionlog.errors import DataError
from fusionlog.onboarding.key_ranking import Ranked
from fusionlog.onboarding.propose import MAX_RECORDS, Part, Proposal, propose
from fusionlog.onboarding.sample import SampleRecord, read_sample, read_standard_input

STANDARD_INPUT = Path("-")
STYLES = {"high": "green", "medium": "yellow", "low": "red"}


def add(
    name: Annotated[str, typer.Argument(help="the name of the new system, and of its raw topic")],
    file: Annotated[Path, typer.Argument(help="a sample of its log, - for the standard input")],
    write: Annotated[
        Path | None, typer.Option(help="append the entry to this systems file; a missing one is made")
    ] = None,
    records: Annotated[int, typer.Option(min=1, max=MAX_RECORDS, help="records of the sample, at most")] = MAX_RECORDS,
) -> None:
    """Propose the whole entry of a system from a sample of its log, as YAML, and print how sure each part is.

    The exit code is 0 where every part is of high or medium confidence, 1 where one is of low confidence, 2 for wrong
    usage.
    """
    from fusionlog.onboarding.entry import add_entry, check_new_name, render

    check_new_name(name)
    proposal = propose(_sample(file, records), settings.load().ingest)
    if not proposal.lines:
        raise DataError(file, "no line in it can be used", "name a file with lines of the system's log")
    text = render(name, proposal)
    if write is not None:
        add_entry(write, name, text)
    typer.echo(text, nl=False)
    _report(proposal, write)
    raise typer.Exit(0 if proposal.sure else 1)


def _sample(file: Path, limit: int) -> list[SampleRecord]:
    if file == STANDARD_INPUT:
        return read_standard_input(limit)
    return read_sample(file, limit)


def _report(proposal: Proposal, written: Path | None) -> None:
    """Parts with their confidence, and the ranking of session keys, on stderr."""
    console = Console(stderr=True)
    console.print(_parts(proposal.parts), highlight=False)
    if proposal.ranking:
        console.print(_ranking(proposal.ranking), highlight=False)
    where = f"appended to {written}" if written else "append it to the systems file, or run again with --write FILE"
    console.print(f"{where}; fill in description and policy, and run  fusionlog systems check", highlight=False)


def _parts(parts: list[Part]) -> Table:
    table = Table("part", "confidence", "reason", box=None)
    for part in parts:
        table.add_row(part.name, Text(part.confidence, style=STYLES[part.confidence]), Text(part.reason))
    return table


def _ranking(ranking: list[Ranked]) -> Table:
    """The first candidates: share of lines with a key, lines and distinct templates a session, share of the sample that
    a session spans, and the score."""
    table = Table(
        "session key", "lines with it", "sessions", "lines each", "steps", "spans", "score",
        title="candidates of the session key", title_justify="left", box=None,
    )  # fmt: skip
    for candidate, score in ranking:
        table.add_row(
            Text(candidate.field or candidate.pattern, overflow="fold"), f"{score.coverage:.1%}", str(score.sessions),
            f"{score.lines_each:.1f}", f"{score.steps:.1f}", f"{score.alive:.0%}", f"{score.score:.3f}",
        )  # fmt: skip
    return table
