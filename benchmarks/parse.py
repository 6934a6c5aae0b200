"""Lines to events, against plain Drain3 with our header and the masks of `plain_masks`.

`python -m benchmarks.parse --system all --json FILE`: every system of `--data`; the bar is a ratio of `BAR` on each.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Annotated

import typer
from drain3.drain import Drain  # type: ignore[import-untyped]

from benchmarks.plain_masks import Masks
from benchmarks.report import Figure, data_directory, write
from fusionlog.data.systems import read_catalog, read_stream
from fusionlog.parsing.headers import Header
from fusionlog.parsing.parser import Parser
from fusionlog.parsing.session_keys import KeyExpression, within
from fusionlog.settings import IngestSettings, SystemSettings
from fusionlog.utils.gc_tuning import tune_gc
from fusionlog.utils.json_format import JsonFormat

BAR = 2.5
ALL = "all"


def plain(system: SystemSettings, ingest: IngestSettings) -> Callable[[str], Hashable]:
    """Header, masks in one expression, Drain3's own `add_log_message`: a line to its component and cluster."""
    header, masks, texts = Header(system), Masks(system.masks, system.session), JsonFormat(system.json_line)
    keys = KeyExpression(system.session)
    drain = Drain(depth=ingest.drain_depth, sim_th=ingest.drain_similarity, max_clusters=ingest.max_templates)

    def parse(line: str) -> Hashable:
        text = texts.text(line) if texts else line
        fields = header.split(text)
        start = fields.start or 0
        inside = within(keys.find(text), start, start + len(fields.content))
        cluster, _ = drain.add_log_message(masks.mask_content(fields.content, inside))
        return masks.mask(fields.component) if fields.component else None, cluster.cluster_id

    return parse


def ours(name: str, system: SystemSettings, ingest: IngestSettings) -> Callable[[str], Hashable]:
    """A line to its event's id."""
    parser = Parser(name, system, ingest)
    return lambda line: parser.parse(line).template


def timed(parse: Callable[[str], Hashable], lines: Sequence[str]) -> tuple[float, list[Hashable]]:
    """Lines a second of the process's time, and what each came to."""
    started = time.process_time()
    found = [parse(line) for line in lines]
    return len(lines) / (time.process_time() - started), found


def agreement(one: Sequence[Hashable], other: Sequence[Hashable]) -> float:
    """The share of pairs of lines that both put together or both keep apart (the Rand index)."""
    first, second, both = (_pairs(groups) for groups in (one, other, list(zip(one, other, strict=True))))
    total = len(one) * (len(one) - 1) / 2
    return (total - first - second + 2 * both) / total if total else 1.0


def recalled(parser: Parser, lines: Sequence[str]) -> float:
    """The share of lines that were parsed by a look-up: they have the shape of an earlier one."""
    known = 0
    for line in lines:
        known += parser.recall(line.encode()) is not None
        parser.parse(line)
    return known / len(lines) if lines else 0.0


def _pairs(groups: Sequence[Hashable]) -> float:
    return sum(count * (count - 1) / 2 for count in Counter(groups).values())


def compare(name: str, system: SystemSettings, lines: Sequence[str], runs: int) -> dict[str, float]:
    """Medians of runs that take turns, each from nothing."""
    ingest, fast, slow, alike = IngestSettings(), [], [], 1.0
    tune_gc()  # as in a worker
    for _ in range(runs):
        rate, wanted = timed(plain(system, ingest), lines)
        slow.append(rate)
        rate, found = timed(ours(name, system, ingest), lines)
        fast.append(rate)
        alike = agreement(wanted, found)
    return {
        "lines": len(lines), "value": median(fast), "baseline_value": median(slow),
        "ratio": median(fast) / median(slow), "agreement": alike,
        "recalled": recalled(Parser(name, system, ingest), lines),
    }  # fmt: skip


def main(
    json: Annotated[Path | None, typer.Option(help="write the figure here")] = None,
    data: Annotated[Path | None, typer.Option(help="a directory in the form of datasets/README.md")] = None,
    runs: Annotated[int, typer.Option(min=1, help="of each, in turn")] = 3,
    system: Annotated[str, typer.Option(help="a system of the directory, or all")] = ALL,
    lines: Annotated[int, typer.Option(min=1, help="of a system, at most")] = 1_000_000,
) -> None:
    """Parse each system's lines; the figure is that of the lowest ratio, all of them are in `details`."""
    directory = data or data_directory()
    catalog = read_catalog(directory)
    if system not in (ALL, *catalog):
        raise typer.BadParameter(f"{system!r} is none of {', '.join((ALL, *catalog))}", param_hint="--system")
    found = {}
    for name in catalog if system == ALL else [system]:
        found[name] = compare(name, catalog[name], list(islice(read_stream(directory, name), lines)), runs)
        each = found[name]
        typer.echo(
            f"  {name}: {each['value']:,.0f} lines/s, ratio {each['ratio']:.2f} (bar {BAR}), "
            f"agreement {each['agreement']:.4f}, recalled {each['recalled']:.1%}"
        )
    name, least = min(found.items(), key=lambda item: item[1]["ratio"])
    figure = Figure(
        name=f"parse {name}", value=least["value"], unit="lines/s", baseline="plain Drain3 with frozen masks",
        baseline_value=least["baseline_value"], ratio=least["ratio"], details=found,
    )  # fmt: skip
    typer.echo(str(figure))
    write(figure, json)


if __name__ == "__main__":
    typer.run(main)
