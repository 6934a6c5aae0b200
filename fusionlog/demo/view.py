"""The view of a demo on a terminal: its counters, the newest anomalies, and the summary."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from fusionlog.demo.progress import Progress
from fusionlog.demo.summary import Summary
from fusionlog.onboarding.scan.report import shown_incidents
from fusionlog.onboarding.scan.screen import incident_lines
from fusionlog.records import Anomaly

SHOWN_ANOMALIES = 6
MOST_TELLING = 5


def live(progress: Progress, seconds: float) -> RenderableType:
    """The live view: counters and the newest anomalies."""
    return Group(
        Panel(_counters(progress), title=f"FusionLog · {progress.target} · {seconds:.0f} s", subtitle=progress.phase),
        Panel(_anomalies(progress.newest_anomalies(SHOWN_ANOMALIES)), title=f"anomalies: {len(progress.anomalies)}"),
    )


def _counters(progress: Progress) -> RenderableType:
    counts = progress.counts
    grid = Table.grid(padding=(0, 2))
    for _ in range(2):
        grid.add_column(style="dim", no_wrap=True)
        grid.add_column(justify="right", no_wrap=True)
    rows = (
        ("lines in", f"{counts.lines_in} of {progress.lines_total}", "teacher", progress.teacher),
        ("in windows", f"{counts.lines_in_windows}", "teacher calls", f"{counts.llm_calls}"),
        ("dead-lettered", f"{counts.lines_dead_lettered}", "teacher tokens", f"{counts.llm_tokens}"),
        ("dropped by rule", f"{counts.lines_dropped}", "shapes labelled", f"{counts.labels}"),
        ("windows general", f"{counts.windows_general}", "model", progress.model),
        ("windows proprietary", f"{counts.windows_proprietary}", "model swaps", f"{counts.model_swaps}"),
    )
    for row in rows:
        grid.add_row(*row)
    return (
        Group(grid, Text(progress.jobs[-1], style="dim", overflow="ellipsis", no_wrap=True)) if progress.jobs else grid
    )


def _anomalies(anomalies: list[Anomaly]) -> RenderableType:
    if not anomalies:
        return Text("none yet", style="dim")
    table = Table(box=None, expand=True, pad_edge=False)
    table.add_column("session", no_wrap=True, max_width=24)
    table.add_column("score", justify="right")
    table.add_column("verdict of", no_wrap=True, max_width=20)
    table.add_column("why", ratio=1, no_wrap=True)
    for anomaly in anomalies:
        why = anomaly.title or anomaly.reason
        # Text, not markup: a log line may hold brackets.
        table.add_row(Text(anomaly.session), f"{anomaly.score:.2f}", Text(anomaly.verdict_source), Text(why))
    return table


def final(summary: Summary) -> RenderableType:
    """The final view: the summary."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column()
    lines = (
        f"{summary.lines_in} = {summary.lines_in_windows} in windows + {summary.lines_dead_lettered} dead-lettered"
        f" + {summary.lines_dropped} dropped by rule"
        + (f" + {summary.lines_joined} joined to the line before" if summary.lines_joined else "")
        + ("" if summary.conserved else "   NOT CONSERVED")
    )
    table.add_row("target", f"{summary.target}, unlabelled; learned from {', '.join(summary.sources)}")
    table.add_row("lines in", lines)
    table.add_row("windows", f"{summary.windows_general} general, {summary.windows_proprietary} proprietary")
    asked = f"{summary.labels} window shapes, {summary.llm_calls} calls, {summary.llm_tokens} tokens"
    table.add_row("teacher", f"{summary.teacher}: {asked}")
    table.add_row("models", f"{summary.models_published} published, {summary.model_swaps} swapped in while it ran")
    for job in summary.jobs:
        table.add_row("", Text(job))
    table.add_row("anomalies", f"{summary.anomalies}")
    table.add_row(
        "against the labels",
        f"precision {summary.precision:.3f}, recall {summary.recall:.3f}, F1 {summary.f1:.3f} (opened only now)",
    )
    table.add_row("seconds", f"{summary.seconds:.0f}")
    return Panel(table, title="FusionLog demo")


def most_telling(anomalies: Collection[Anomaly], data: Path) -> Iterator[RenderableType]:
    """The `MOST_TELLING` gravest incidents of the anomalies with their lines, as `fusionlog scan` shows them.

    :param data: the directory of the target's recording, which can be scanned again.
    """
    incidents = shown_incidents([each for each in anomalies if not each.withdrawn])
    yield Text(f"{len(anomalies)} anomalies are {len(incidents)} incidents, of which the gravest:", style="bold")
    for incident in incidents[:MOST_TELLING]:
        yield Text("")
        yield from incident_lines(incident)
    stream = data / "stream.log.gz"
    if stream.is_file():
        yield Text(f"\nall of them from the same lines, without Kafka:  fusionlog scan {stream} --html report.html")
