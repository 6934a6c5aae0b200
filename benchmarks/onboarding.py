"""Proposed entries beside hand-written ones, on recorded systems: `python -m benchmarks.onboarding --json FILE`.

Both entries cut the same lines into windows. A line agrees where its window has the same lines under both, or where
it has no session key under either.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence, Set
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.report import BUNDLED, Figure, data_directory, write
from fusionlog.data.systems import read_catalog, read_stream
from fusionlog.data.timestamps import line_times
from fusionlog.onboarding.propose import Proposal, propose
from fusionlog.onboarding.sample import line_records
from fusionlog.parsing.envelopes import EnvelopeReader, RawLine
from fusionlog.parsing.parser import Parser
from fusionlog.parsing.windows import ALL, Windower
from fusionlog.records import Window
from fusionlog.settings import IngestSettings, SystemSettings

LINES = 20_000
ENOUGH = 0.95


def windows(name: str, system: SystemSettings, lines: Sequence[str], times: Sequence[float]) -> list[int | None]:
    """The window of each line, as the number of its first line; None: it has no session key."""
    ingest = IngestSettings()
    reader, parser = EnvelopeReader(system, ingest), Parser(name, system, ingest)
    windower = Windower(name, system.window, f"file.{name}", 0)
    sessions: list[str | None] = []
    cut: list[Window] = []
    for number, (line, moment) in enumerate(zip(lines, times, strict=True)):
        raw = reader.read(line.encode(), moment)[0]
        event = parser.parse(raw.text, raw.fields) if isinstance(raw, RawLine) else None
        session = None if event is None else ALL if system.window.by == "count" else event.session
        sessions.append(session)
        if event is not None and session:
            cut += windower.add(event, (number, 0), moment)
    cut += windower.flush()
    return _first_lines(sessions, {window.first_offset for window in cut})


def _first_lines(sessions: Sequence[str | None], starts: Set[int]) -> list[int | None]:
    """The first line of each line's window: a session's windows follow one another."""
    current: dict[str, int] = {}
    found: list[int | None] = []
    for number, session in enumerate(sessions):
        if session is None:
            found.append(None)
            continue
        if number in starts:
            current[session] = number
        found.append(current[session])
    return found


def agreement(one: Sequence[int | None], other: Sequence[int | None]) -> float:
    """The share of lines whose window has the same lines under both."""
    pairs: dict[tuple[int | None, int | None], int] = {}
    sizes: tuple[dict[int | None, int], dict[int | None, int]] = ({}, {})
    for pair in zip(one, other, strict=True):
        pairs[pair] = pairs.get(pair, 0) + 1
        for side in (0, 1):
            sizes[side][pair[side]] = sizes[side].get(pair[side], 0) + 1
    same = sum(count for pair, count in pairs.items() if _is_same(pair, count, sizes))
    return same / len(one) if one else 1.0


def _is_same(pair: tuple[int | None, int | None], count: int, sizes: Sequence[Mapping[int | None, int]]) -> bool:
    """Whether the lines of a pair of windows are all lines of both, or have no key under either."""
    if None in pair:
        return pair == (None, None)
    return sizes[0][pair[0]] == sizes[1][pair[1]] == count


def compare(
    name: str, written: SystemSettings, lines: Sequence[str], ingest: IngestSettings
) -> tuple[float, float, Proposal]:
    """The agreement of the proposed entry with the hand-written one, the seconds of the proposal, and itself."""
    started = time.perf_counter()
    proposal = propose(line_records([line.encode() for line in lines]), ingest)
    seconds = time.perf_counter() - started
    times = line_times(lines)
    proposed = proposal.system
    return agreement(windows(name, written, lines, times), windows(name, proposed, lines, times)), seconds, proposal


def systems() -> Iterator[tuple[Path, str, SystemSettings]]:
    """The systems of the bundled directory, and of another one where there is one."""
    for directory in dict.fromkeys((BUNDLED, data_directory())):
        for name, system in read_catalog(directory).items():
            yield directory, name, system


def main(json: Annotated[Path | None, typer.Option(help="write the figures to this file")] = None) -> None:
    """Propose an entry for each recorded system, and compare its windows with those of the hand-written one."""
    shares: dict[str, dict[str, float]] = {}
    for directory, name, written in systems():
        lines = list(islice(read_stream(directory, name), LINES))
        share, seconds, proposal = compare(name, written, lines, IngestSettings())
        shares[name] = {"agreement": share, "seconds": seconds, "sure": float(proposal.sure)}
        typer.echo(f"{name}: {share:.1%} of {len(lines):,} lines in the same window, {seconds:.1f} s, {proposal.entry}")
    enough = sum(each["agreement"] >= ENOUGH for each in shares.values())
    figure = Figure(
        name="onboarding", value=enough, unit="systems with the same windows for 95 % of lines",
        baseline="all of them", baseline_value=len(shares), ratio=enough / len(shares), details=shares,
    )  # fmt: skip
    typer.echo(str(figure))
    write(figure, json)


if __name__ == "__main__":
    typer.run(main)
