"""`fusionlog show ID`: an anomaly as a person reads it, with the raw lines of its session from Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from fusionlog import settings
from fusionlog.cli.feedback import READ, chosen, line
from fusionlog.cli.printing import at, printable
from fusionlog.onboarding.sample import SampleRecord
from fusionlog.online.operator_verdicts import telling
from fusionlog.records import Anomaly, Evidence, Explanation, Feedback
from fusionlog.settings import Settings


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """An anomaly with what else is known of it. `lines` are empty where retention has deleted them."""

    anomaly: Anomaly
    explanation: Explanation | None
    feedback: list[Feedback]
    lines: list[str]


def show(
    id: Annotated[str, typer.Argument(help="the id of an anomaly, or its beginning")],
    most: Annotated[int, typer.Option("--lines", min=0, help="so many of the session's lines at most")] = 200,
    json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Show an anomaly: why it is one, its explanation, operators' verdicts, and the raw lines of its session."""
    found = asyncio.run(_read(settings.load(), id))
    if json:
        typer.echo(msgspec.json.encode(found).decode())
        return
    console = Console(soft_wrap=True)
    for each in _text(found, most):
        console.print(printable(each), markup=False, highlight=False)


async def _read(config: Settings, id: str) -> Shown:
    from fusionlog.kafka.table import read_all

    topics = config.topics
    anomaly = chosen([each for _, each in await read_all(config, topics.anomalies, READ)], id, topics.anomalies.name)
    explained = dict(await read_all(config, topics.explanations))
    verdicts: list[Feedback] = [each for _, each in await read_all(config, topics.feedback)]
    return Shown(
        anomaly=anomaly,
        explanation=explained.get(f"{anomaly.system}/{anomaly.shape}"),
        feedback=[each for each in verdicts if anomaly.id == each.anomaly or concerns(each, anomaly)],
        lines=await _lines(config, anomaly),
    )


def concerns(feedback: Feedback, anomaly: Anomaly) -> bool:
    """Whether a verdict is on the window shape of an anomaly, or on an event that tells of it."""
    if feedback.system != anomaly.system:
        return False
    if feedback.scope == "shape":
        return feedback.shape == anomaly.shape
    return any((each.template, each.absent) == (feedback.event, feedback.absent) for each in telling(anomaly))


async def _lines(config: Settings, anomaly: Anomaly) -> list[str]:
    """The lines of the anomaly's session between its first and its last record, as far as Kafka has them."""
    from fusionlog.kafka.table import records_between
    from fusionlog.onboarding.session_lines import session_lines

    if anomaly.system not in config.systems or anomaly.topic != config.topics.raw(anomaly.system).name:
        return []
    first, last = anomaly.first_offset, anomaly.last_offset
    records = await records_between(config, config.topics.raw(anomaly.system), anomaly.partition, first, last)
    read = [SampleRecord(each.offset, each.timestamp, each.key, each.value, anomaly.partition) for each in records]
    return session_lines(anomaly.system, config.systems[anomaly.system], config.ingest, read, anomaly.session)


def _text(found: Shown, most: int) -> Iterator[str]:
    anomaly = found.anomaly
    state = "withdrawn: " if anomaly.withdrawn else "provisional: " if anomaly.provisional else ""
    yield f"{anomaly.severity}  {state}{anomaly.title or anomaly.reason}"
    yield f"  id         {anomaly.id}"
    yield f"  system     {anomaly.system}, session {anomaly.session}"
    yield f"  time       {at(anomaly.started)} to {at(anomaly.ended)}{'' if anomaly.own_times else ', as Kafka has it'}"
    if anomaly.hosts or anomaly.files:
        yield f"  from       {', '.join((*anomaly.hosts, *anomaly.files))}"
    yield f"  verdict    {anomaly.score:.2f} by {anomaly.verdict_source}: {anomaly.reason}"
    for name, each in zip(_once("evidence"), anomaly.evidence, strict=False):
        yield f"  {name:10} {_evidence(each)}"
    for name, unusual in zip(_once("unusual"), anomaly.unusual, strict=False):
        yield f"  {name:10} {unusual}"
    if found.explanation is not None:
        yield f"  cause      {found.explanation.cause}"
        yield f"  next       {found.explanation.next_step or 'none was named'}"
    for name, verdict in zip(_once("feedback"), found.feedback, strict=False):
        yield f"  {name:10} {line(verdict)}"
    yield from _shown_lines(anomaly, found.lines, most)


def _shown_lines(anomaly: Anomaly, lines: Sequence[str], most: int) -> Iterator[str]:
    where = f"{anomaly.topic}/{anomaly.partition}, offsets {anomaly.first_offset} to {anomaly.last_offset}"
    if not lines:
        yield f"  lines      none: Kafka has deleted them, or the systems file lacks {anomaly.system} ({where})"
        return
    yield f"  lines      {len(lines)} of {where}"
    yield from (f"    {each}" for each in lines[:most])
    if len(lines) > most:
        yield f"    ... {len(lines) - most} more (--lines)"


def _evidence(evidence: Evidence) -> str:
    share = "" if evidence.share is None else f" (in {evidence.share:.0%} of {evidence.windows:,} windows like it)"
    if evidence.absent:
        return f"missing: {evidence.text!r}{share}"
    usual = "" if evidence.typical is None else f", usually {evidence.typical}"
    return f"{evidence.count} x {evidence.text!r}{usual}{share}"


def _once(name: str) -> Iterator[str]:
    """The name, then blanks."""
    yield name
    while True:
        yield ""
