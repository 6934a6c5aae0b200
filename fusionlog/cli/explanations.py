"""`fusionlog explanations`: list the explanations of anomalies from their topic."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from fusionlog import settings
from fusionlog.cli.printing import at, printable
from fusionlog.records import Explanation
from fusionlog.settings import Settings


def explanations(
    system: Annotated[str | None, typer.Option(help="only of this system")] = None,
    limit: Annotated[int, typer.Option(min=1, help="the number of the newest ones")] = 20,
    json: Annotated[bool, typer.Option("--json", help="print a record a line")] = False,
) -> None:
    """Show the explanations of anomalies, the newest last: cause, evidence lines, next step."""
    config = settings.load()
    everything = asyncio.run(_read(config))
    settings.refuse_unknown(config, system, [each.system for each in everything])
    found = [each for each in everything if system in (None, each.system)]
    console = Console(soft_wrap=True)
    for explanation in found[-limit:]:
        if json:
            typer.echo(msgspec.json.encode(explanation).decode())
            continue
        console.print("\n".join(map(printable, _lines(explanation))), markup=False, highlight=False)
    if not found:
        of = f" of {system}" if system else ""
        Console(stderr=True).print(f"no explanation{of} yet: run  fusionlog worker explain", highlight=False)


async def _read(config: Settings) -> list[Explanation]:
    from fusionlog.kafka.table import read_all

    found: list[Explanation] = [record for _, record in await read_all(config, config.topics.explanations)]
    return sorted(found, key=lambda explanation: explanation.explained_at)


def _lines(explanation: Explanation) -> Iterable[str]:
    time = at(explanation.explained_at)
    yield f"{time}  {explanation.system}  score {explanation.score:.2f}  session {explanation.session}"
    yield f"  cause     {explanation.cause}"
    for number, line in enumerate(explanation.evidence):
        yield f"  {'' if number else 'evidence':8}  {line.count} x {line.line}"
    yield f"  next      {explanation.next_step or 'none was named'}"
    yield f"  anomaly   {explanation.anomaly}, explained by {explanation.explained_by}, {explanation.tokens} tokens"
    yield ""
