"""Settings compared, and chosen by leaving one target out: `python -m benchmarks.choose --method NAME FILE…`.

Each file is what `fusionlog evaluate --json` wrote under one choice of settings, and is called by its name. For every
target the choice is made by the mean F1 of the *other* targets, so that a target's own labels have no part in the
figure that it then has.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Annotated

import msgspec
import typer

from benchmarks.report import Figure, write

Scores = Mapping[str, float]
"""F1 by target, over folds and seeds."""


class Row(msgspec.Struct, frozen=True):
    """What is needed of a row."""

    target: str
    method: str
    protocol: str
    ratio: str
    f1: float
    llm_calls: int


class Rows(msgspec.Struct, frozen=True):
    """A file of `fusionlog evaluate`."""

    rows: list[Row]


def read(path: Path, method: str) -> tuple[Scores, float]:
    """F1 by target of one method, and its calls a fold.

    :raises BadParameter: the file is none of `fusionlog evaluate`, or has no row of the method.
    """
    try:
        rows = msgspec.json.decode(path.read_bytes(), type=Rows).rows
    except (OSError, msgspec.MsgspecError) as error:
        raise typer.BadParameter(f"{path} is no file of fusionlog evaluate --json: {error}") from error
    kept = [row for row in rows if (row.method, row.protocol, row.ratio) == (method, "inductive", "natural")]
    if not kept:
        raise typer.BadParameter(f"{path} has no row of {method}")
    by_target = defaultdict(list)
    for row in kept:
        by_target[row.target].append(row.f1)
    return {target: mean(values) for target, values in by_target.items()}, mean(row.llm_calls for row in kept)


def left_out(choices: Mapping[str, Scores]) -> dict[str, tuple[str, float]]:
    """For each target the choice that is best on the others, and the target's F1 under it."""
    targets = list(next(iter(choices.values())))
    chosen = {}
    for target in targets:
        others = [other for other in targets if other != target]
        best = max(choices, key=lambda name: mean(choices[name][other] for other in others))
        chosen[target] = best, choices[best][target]
    return chosen


def table(choices: Mapping[str, Scores], calls: Mapping[str, float]) -> list[str]:
    """The choices as Markdown, a row each, and one of what leaving one target out chooses."""
    targets = list(next(iter(choices.values())))
    lines = ["| settings | " + " | ".join(targets) + " | mean | calls |", "|---" * (len(targets) + 3) + "|"]
    for name, scores in choices.items():
        cells = [f"{scores[target]:.3f}" for target in targets]
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {mean(scores.values()):.3f} | {calls[name]:.1f} |")
    if len(targets) > 1:
        chosen = left_out(choices)
        cells = [f"{f1:.3f} ({name})" for name, f1 in chosen.values()]
        lines.append("| one left out | " + " | ".join(cells) + f" | {mean(f1 for _, f1 in chosen.values()):.3f} | |")
    return lines


def main(
    files: Annotated[list[Path], typer.Argument(help="of fusionlog evaluate --json, one for each choice")],
    method: Annotated[str, typer.Option(help="the method whose rows are compared")] = "fusionlog+online",
    json: Annotated[Path | None, typer.Option(help="write the figure there")] = None,
) -> None:
    """Print the table; the figure is the first file's mean against the one that leaving one target out reaches."""
    found: Sequence[tuple[str, tuple[Scores, float]]] = [(path.stem, read(path, method)) for path in files]
    choices = {name: scores for name, (scores, _) in found}
    if len({frozenset(scores) for scores in choices.values()}) > 1:
        raise typer.BadParameter("the files have different targets")
    for line in table(choices, {name: calls for name, (_, calls) in found}):
        typer.echo(line)
    chosen = mean(f1 for _, f1 in left_out(choices).values()) if len(next(iter(choices.values()))) > 1 else 0.0
    first = mean(choices[found[0][0]].values())
    figure = Figure(
        name="choice", value=chosen, unit="F1", baseline=found[0][0], baseline_value=first, ratio=chosen / first
    )
    write(figure, json)


if __name__ == "__main__":
    typer.run(main)
