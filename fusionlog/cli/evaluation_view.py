"""The view of an evaluation on a terminal: a table for each method, and a comparison."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Group
from rich.table import Table

from fusionlog.evaluation.rows import Row, averages, grouped, spread

COLUMNS = ("P", "R", "F1", "± sd", "AUPRC", "dedup", "calls", "units", "LLM %", "last ⅕")
FIGURES = ("precision", "recall", "f1")
BOTH = "both"


def results(rows: Sequence[Row]) -> Group:
    """A table for each method, inductive at the natural ratio; with several methods also one of their F1."""
    by_method = grouped([row for row in rows if row.leading], lambda row: row.method)
    tables = [_of_method(method, group) for method, group in by_method.items()]
    return Group(*tables, *([_comparison(by_method)] if len(by_method) > 1 else []))


def _of_method(method: str, rows: Sequence[Row]) -> Table:
    """The table of a method: means over seeds for each fold of a target, over both folds, and over all targets."""
    teachers = sorted({row.teacher for row in rows})
    table = _table(f"{method}, teacher: {', '.join(teachers)}", "target", "fold", *COLUMNS)
    for target, fold, group, style in _groups(rows):
        table.add_row(target, fold, *_cells(group), style=style)
    return table


def _groups(rows: Sequence[Row]) -> Iterator[tuple[str, str, Sequence[Row], str]]:
    by_target = grouped(rows, lambda row: row.target)
    for target, of_target in by_target.items():
        by_fold = grouped(of_target, lambda row: row.fold)
        yield from ((target, fold, group, "") for fold, group in by_fold.items())
        if len(by_fold) > 1:
            yield target, BOTH, of_target, "bold"
    if len(by_target) > 1:
        yield "all", BOTH if len({row.fold for row in rows}) > 1 else rows[0].fold, rows, "bold green"


def _comparison(by_method: dict[str, list[Row]]) -> Table:
    """The table of F1 of each method on each target, means over seeds and folds."""
    targets = list(dict.fromkeys(row.target for rows in by_method.values() for row in rows))
    table = _table("F1, means over seeds and folds", "method", *targets, "all")
    for method, rows in by_method.items():
        by_target = grouped(rows, lambda row: row.target)
        cells = [f"{averages(by_target[each])['f1']:.3f}" if each in by_target else "" for each in targets]
        table.add_row(method, *cells, f"{averages(rows)['f1']:.3f}")
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=0, pad_edge=False)
    for name in columns:
        table.add_column(name, justify="left" if name in ("method", "target", "fold") else "right", no_wrap=True)
    return table


def _cells(rows: Sequence[Row]) -> list[str]:
    mean = averages(rows)
    shares = [f"{100 * (mean[name] or 0):.1f}" for name in ("share_proprietary", "share_proprietary_last_fifth")]
    return [
        *(f"{mean[name]:.3f}" for name in FIGURES), spread(rows),
        *(f"{mean[name]:.3f}" for name in ("auprc", "f1_deduplicated")),
        f"{mean['llm_calls']:.1f}", f"{mean['llm_units']:.0f}", *shares,
    ]  # fmt: skip
