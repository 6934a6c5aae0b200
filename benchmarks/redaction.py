"""What the redaction finds, and what it alters needlessly: `python -m benchmarks.redaction [--misses]`.

Of a case with credentials or personal data nothing may be shown of what must go; a harmless one must stay as it is. The
lines are shown as they leave: redacted, with pseudonyms. Of the lines of labelled systems all count as altered
needlessly that have a placeholder of another kind than an address.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.redaction_corpus import CORPUS, Case, leaks, read_corpus
from benchmarks.report import BUNDLED
from fusionlog.data.systems import read_catalog, read_sessions
from fusionlog.utils.redaction import redact
from fusionlog.utils.redaction.pseudonyms import hidden

FILES = ("corpus", "held_out")
KINDS = ("credential", "personal", "harmless")
BARS = {"credential": 0.95, "personal": 0.85}
MOST_ALTERED = 0.01
LINES = 5_000
"""Lines of a system that are redacted, spread evenly over all of them."""
_NO_ADDRESS = re.compile(r"<(?!IP>|EMAIL>|MAC>)[A-Z][A-Z-]*>")


def passes(case: Case) -> bool:
    """Whether what must go is gone; of a harmless case, whether it is as it was."""
    shown = hidden(case.text)
    return not any(leaks(part, shown) for part in case.parts) if case.parts else shown == case.text


def share(cases: Sequence[Case]) -> float:
    """The share of cases that pass."""
    return sum(map(passes, cases)) / len(cases)


def table(cases: Sequence[Case]) -> Iterator[str]:
    """The rows of a table: each category of each kind, and each kind as a whole."""
    yield "| kind | category | cases | pass | share |"
    yield "|---|---|---|---|---|"
    for kind in KINDS:
        own = [case for case in cases if case.kind == kind]
        for category in dict.fromkeys(case.category for case in own):
            yield _row(kind, category, [case for case in own if case.category == category])
        yield _row(f"**{kind}**", "**all**", own)


def altered(line: str) -> bool:
    """Whether the redaction puts a placeholder into a line that stands for no address."""
    return _NO_ADDRESS.search(redact(line)) is not None and redact(line) != line


def lines_of(directory: Path, system: str) -> list[str]:
    """`LINES` lines of a system, spread evenly."""
    lines = [line for session in read_sessions(directory, system) for line in session.lines]
    return lines[:: max(1, len(lines) // LINES)][:LINES]


def systems_table(directory: Path) -> Iterator[str]:
    """The rows of a table: the lines of each system of a directory that are altered."""
    yield "| system | lines | altered | share | µs a line |"
    yield "|---|---|---|---|---|"
    for system in read_catalog(directory):
        lines = lines_of(directory, system)
        started = time.process_time()
        count = sum(map(altered, lines))
        spent = (time.process_time() - started) / len(lines)
        yield f"| {system} | {len(lines)} | {count} | {count / len(lines):.2%} | {1e6 * spent:.0f} |"


def main(
    misses: Annotated[bool, typer.Option(help="Print the cases that do not pass.")] = False,
    data: Annotated[Path, typer.Option(help="Directory of labelled systems.")] = BUNDLED,
) -> None:
    """Print the tables."""
    for name in FILES:
        cases = read_corpus(CORPUS / f"{name}.tsv")
        counted = ", ".join(f"{number} {kind}" for kind, number in Counter(case.kind for case in cases).items())
        typer.echo(f"\n{name}.tsv: {len(cases)} cases ({counted})\n")
        typer.echo("\n".join(table(cases)))
        for case in cases:
            if misses and not passes(case):
                typer.echo(f"{case.kind}, {case.category}: {case.text!r} is sent as {hidden(case.text)!r}")
    typer.echo("\n" + "\n".join(systems_table(data)))


def _row(kind: str, category: str, cases: Sequence[Case]) -> str:
    passed = sum(map(passes, cases))
    return f"| {kind} | {category} | {len(cases)} | {passed} | {passed / len(cases):.1%} |"


if __name__ == "__main__":
    typer.run(main)
